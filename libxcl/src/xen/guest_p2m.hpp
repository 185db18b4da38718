// SPDX-License-Identifier: BSD-3-Clause
// The p2m that a guest publishes in shared_info: the machine frame of each of its pages.
#pragma once

#include <cstdint>
#include <vector>

#include "xen/domain_memory.hpp"
#include "xen/handles.hpp"

namespace xcl::xen {

struct GuestP2m {
    FrameList frames;  // by PFN; no_frame where it says that there is no page
    FrameList own;     // of the pages that hold it, in order, 512 PFNs each; a page may stand for
                       // several stretches of holes
};

// Knows both forms: the tree of frame lists, and Linux' linear list in its own address space.
// Throws Error when the guest published neither, or what leads out of its memory, of which it has
// that many pages.
[[nodiscard]] GuestP2m read_p2m(Handles& handles, DomainId id, const arch_shared_info& published,
                                std::uint64_t memory_pages);

}  // namespace xcl::xen
