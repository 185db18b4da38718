// SPDX-License-Identifier: BSD-3-Clause
// destroy: ends domains at once and removes their records.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <iterator>

#include "record/label.hpp"
#include "record/record.hpp"
#include "verbs/guests.hpp"
#include "verbs/in_doubt.hpp"
#include "verbs/late_terminals.hpp"
#include "verbs/recorded_vifs.hpp"
#include "verbs/verbs.hpp"

namespace xcl::verbs {
namespace {

// Kinds of backends that the control domain serves ("vif", "vbd", …). Only guests of other
// toolstacks can have any.
std::vector<std::string> backend_kinds(Store& store) {
    return names_below(store, "/local/domain/0/backend", "list the backends in XenStore");
}

bool may_have_vifs(const DomainInfo& guest) {
    const std::optional<Label> label = read_label(guest.uuid);
    return label && label->has_vifs;
}

void tell_scripts(const Host& host, std::span<const DomainInfo> guests) {
    for (const DomainInfo& guest : guests) {
        const std::optional<Label> label = read_label(guest.uuid);
        if (label && label->has_scripts)
            run_offline_scripts(host.network, host.store,
                                recorded_vifs(host.store, {&guest.id, 1}));
    }
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
        append(guest.ours ? guest_removal(guest.id, may_have_vifs(guest))
                          : foreign_removal(guest.id, uuid_without_doubt(store, guest), kinds));
    return removal;
}

// Paused, it writes nothing more into what is about to be removed. One that stands suspended does
// not either; it would not wake where this process is killed with it paused.
void hold_still(Hypervisor& hypervisor, const DomainInfo& guest) {
    const bool suspended =
        guest.state == DomainState::shutdown && guest.reason == ShutdownReason::suspend;
    if (suspended || guest.state == DomainState::paused || guest.state == DomainState::dying)
        return;
    try {
        hypervisor.pause(guest.id);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::no_such_guest)
            throw;
    }
}

// Vifs of guests that have run and are not connected: netback may be connecting one just now. What
// it then does not find any more it notes as an error, which nobody would remove.
std::vector<VifId> vifs_on_their_way(Network& network, std::span<const DomainInfo> guests) {
    std::vector<VifId> vifs;
    for (const DomainInfo& guest : guests) {
        if (!may_have_vifs(guest) || guest.cpu_time == guest.cpu_time.zero())
            continue;
        for (std::uint16_t number = 0; number < GuestConfig::max_vifs; ++number) {
            const VifId vif{guest.id, number};
            const std::optional<Interface> interface = network.interface_of(vif);
            if (!interface)
                break;
            if (!interface->carrier)
                vifs.push_back(vif);
        }
    }
    return vifs;
}

// Once the interface is gone, netback has noted all that it will.
void remove_late_errors(const Host& host, std::span<const VifId> vifs) {
    constexpr std::chrono::seconds patience{1};  // together
    const auto deadline = std::chrono::steady_clock::now() + patience;
    std::vector<StoreRequest> removal;
    for (const VifId& vif : vifs) {
        static_cast<void>(is_gone_by(host.network, vif, deadline));
        removal.push_back(backend_errors_removal(vif.guest));
    }
    require_done(removal, host.store.exchange(removal), std::nullopt,
                 "remove what was noted of a guest's vifs from XenStore");
}

}  // namespace

void destroy(const Host& host, std::span<const DomainId> ids) {
    destroy_found(host, require_guests(host.hypervisor, ids, "destroy it"));
}

void destroy_found(const Host& host, std::span<const DomainInfo> guests, bool terminals_met) {
    Hypervisor& hypervisor = host.hypervisor;
    Store& store = host.store;
    if (guests.empty())
        return;
    for (const DomainInfo& guest : guests)
        hold_still(hypervisor, guest);
    tell_scripts(host, guests);
    const std::vector<VifId> on_their_way = vifs_on_their_way(host.network, guests);

    // Records go before domains: the daemon searches its whole tree for nodes of a domain that
    // dies owning some.
    std::vector<StoreRequest> requests;
    if (!terminals_met)
        for (const DomainInfo& guest : guests)
            requests.push_back(look_at_console(guest.id));
    const std::size_t looks = requests.size();
    std::ranges::move(removal_of(store, guests), std::back_inserter(requests));
    std::vector<StoreReply> replies = store.exchange(requests);

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
    std::vector<DomainInfo> unmet;
    for (std::size_t i = 0; i < looks; ++i) {
        if (terminal_may_follow(replies[i]))
            unmet.push_back(guests[i]);
        if (replies[i].error == ENOENT)  // created without a console
            replies[i].error = 0;
    }
    require_done(requests, replies, std::nullopt, "remove a guest's record from XenStore");
    if (!unmet.empty())
        sweep_late_terminals(hypervisor, store, unmet);
    if (!on_their_way.empty())
        remove_late_errors(host, on_their_way);
}

}  // namespace xcl::verbs
