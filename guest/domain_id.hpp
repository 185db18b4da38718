// SPDX-License-Identifier: BSD-3-Clause
// The guest's own domain id.
#pragma once

#include "xen.hpp"

namespace guest {

// Asks the hypervisor; DOMID_SELF if it does not say.
[[nodiscard]] domid_t own_domain_id();

}  // namespace guest
