// SPDX-License-Identifier: BSD-3-Clause
// pause and unpause: hold guests still, and let them go on.
#include "verbs/guests.hpp"
#include "verbs/verbs.hpp"

namespace xcl::verbs {

void pause(Hypervisor& hypervisor, std::span<const DomainId> ids) {
    for (const DomainInfo& guest : require_guests(hypervisor, ids, "pause it"))
        hypervisor.pause(guest.id);
}

void unpause(Hypervisor& hypervisor, std::span<const DomainId> ids) {
    for (const DomainInfo& guest : require_guests(hypervisor, ids, "unpause it"))
        hypervisor.unpause(guest.id);
}

}  // namespace xcl::verbs
