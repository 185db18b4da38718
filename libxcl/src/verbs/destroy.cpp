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
    const std::vector<StoreRequest> request{store_directory("/local/domain/0/backend")};
    return directory_names(store.exchange(request).front());
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

}  // namespace

void destroy(Hypervisor& hypervisor, Store& store, std::span<const DomainId> ids) {
    const std::vector<DomainInfo> guests = require_guests(hypervisor, ids, "destroy it");

    // Paused, they write nothing more into what is about to be removed.
    for (const DomainInfo& guest : guests)
        if (guest.state != DomainState::dying)
            hypervisor.pause(guest.id);

    // Records go before domains: the daemon searches its whole tree for nodes of a domain that
    // dies owning some.
    const std::vector<StoreRequest> requests = removal_of(store, guests);
    const std::vector<StoreReply> replies = store.exchange(requests);

    // Back to back, so that the daemon looks for the dead once.
    for (const DomainInfo& guest : guests)
        hypervisor.destroy(guest.id);

    if (!guests.empty())
        require_done(requests, replies, guests.front().id, "remove its record from XenStore");
}

}  // namespace xcl::verbs
