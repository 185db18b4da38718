// SPDX-License-Identifier: BSD-3-Clause
// The domain builder: puts a kernel and all it needs at start of day into an empty PV domain.
#pragma once

#include "ports/hypervisor.hpp"
#include "xen/handles.hpp"

namespace xcl::xen {

// Populates, fills, seals. Throws Error; the domain is then fit for destruction only.
RingFrames build_domain(Handles& handles, DomainId id, const BootPlan& plan);

}  // namespace xcl::xen
