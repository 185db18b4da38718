// SPDX-License-Identifier: BSD-3-Clause
// The state of vCPUs and of their clock: taken from one domain and given to another.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "image/machine_state.hpp"
#include "xen/domain_memory.hpp"
#include "xen/frame_map.hpp"
#include "xen/hypercalls.hpp"

namespace xcl::xen {

struct TakenVcpus {
    std::vector<image::VcpuState> vcpus;
    std::uint64_t start_info = 0;  // the PFN that the guest suspended with
};

// Frames in PFNs. Throws Error if they name what is not the guest's.
[[nodiscard]] TakenVcpus take_vcpus(Hypercalls& hypercalls, DomainId id, std::uint32_t vcpus,
                                    const FrameMap& map);

// The other way. Tables are pinned or at least complete: Xen looks at them. `frames`: by PFN.
void give_vcpus(Hypercalls& hypercalls, DomainId id, const image::MachineState& state,
                std::span<const xen_pfn_t> frames);

// Has the suspend hypercall, in which the first vCPU waits, return that it was cancelled.
void mark_cancelled(Hypercalls& hypercalls, DomainId id);

[[nodiscard]] image::TscState take_tsc(Hypercalls& hypercalls, DomainId id);
void give_tsc(Hypercalls& hypercalls, DomainId id, const image::TscState& tsc);

}  // namespace xcl::xen
