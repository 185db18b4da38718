// SPDX-License-Identifier: BSD-3-Clause
// The domain builder: puts a kernel and all it needs at start of day into an empty PV domain.
#pragma once

#include "ports/hypervisor.hpp"
#include "xen/handles.hpp"

namespace xcl::xen {

// What build_domain needs of hypercall-safe memory.
inline constexpr std::size_t builder_buffer_bytes = 4 * kernel::page_size;

// Populates, fills, seals. Throws Error; the domain is then fit for destruction only.
RingFrames build_domain(const Handles& handles, const CallBuffer& buffer, DomainId id,
                        const BootPlan& plan);

}  // namespace xcl::xen
