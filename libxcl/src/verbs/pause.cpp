// SPDX-License-Identifier: BSD-3-Clause
// pause and unpause: hold guests still, and let them go on.
#include "verbs/guests.hpp"
#include "verbs/verbs.hpp"

namespace xcl::verbs {

// Xen counts pauses; people do not: a guest that is paused stays so, and one unpause is enough.
void pause(Hypervisor& hypervisor, std::span<const DomainId> ids) {
    for (const DomainInfo& guest : require_guests(hypervisor, ids, "pause it"))
        if (guest.state != DomainState::paused)
            hypervisor.pause(guest.id);
}

void unpause(Hypervisor& hypervisor, std::span<const DomainId> ids) {
    for (const DomainInfo& guest : require_guests(hypervisor, ids, "unpause it"))
        if (guest.state != DomainState::running && guest.state != DomainState::blocked)
            hypervisor.unpause(guest.id);
}

}  // namespace xcl::verbs
