// SPDX-License-Identifier: BSD-3-Clause
// destroy: ends domains at once and removes their records.
#include <algorithm>
#include <iterator>

#include "record/record.hpp"
#include "verbs/guests.hpp"
#include "verbs/verbs.hpp"

namespace xcl::verbs {
namespace {

// Kinds of backends that the control domain serves ("vif", "vbd", …). Only guests of other
// toolstacks can have any.
std::vector<std::string> backend_kinds(Store& store) {
    return names_below(store, "/local/domain/0/backend", "list the backends in XenStore");
}

std::vector<StoreRequest> removal_of(Store& store, std::span<const DomainInfo> guests) {
    std::vector<StoreRequest> removal;
    const auto append = [&](std::vector<StoreRequest> requests) {
        std::ranges::move(requests, std::back_inserter(removal));
    };
    const bool any_foreign = !std::ranges::all_of(guests, &DomainInfo::ours);
    const std::vector<std::string> kinds =
        any_foreign ? backend_kinds(store) : std::vector<std::string>();
    for (const DomainInfo& guest : guests)
        append(guest.ours ? guest_removal(guest.id) : foreign_removal(guest.id, guest.uuid, kinds));
    return removal;
}

// Paused, it writes nothing more into what is about to be removed.
void hold_still(Hypervisor& hypervisor, const DomainInfo& guest) {
    if (guest.state == DomainState::paused || guest.state == DomainState::dying)
        return;
    try {
        hypervisor.pause(guest.id);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::no_such_guest)
            throw;
    }
}

}  // namespace

void destroy(Hypervisor& hypervisor, Store& store, std::span<const DomainId> ids) {
    destroy_found(hypervisor, store, require_guests(hypervisor, ids, "destroy it"));
}

void destroy_found(Hypervisor& hypervisor, Store& store, std::span<const DomainInfo> guests) {
    if (guests.empty())
        return;
    for (const DomainInfo& guest : guests)
        hold_still(hypervisor, guest);

    // Records go before domains: the daemon searches its whole tree for nodes of a domain that
    // dies owning some.
    const std::vector<StoreRequest> requests = removal_of(store, guests);
    const std::vector<StoreReply> replies = store.exchange(requests);

    // Back to back, so that the daemon looks for the dead once. All of them, whichever fails: a
    // domain must not outlive its record.
    std::optional<Error> failed;
    for (const DomainInfo& guest : guests) {
        try {
            hypervisor.destroy(guest.id);
        } catch (const Error& error) {
            if (!failed)
                failed = error;
        }
    }
    if (failed)
        throw Error(*failed);
    require_done(requests, replies, std::nullopt, "remove a guest's record from XenStore");
}

}  // namespace xcl::verbs
