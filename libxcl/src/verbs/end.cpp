// SPDX-License-Identifier: BSD-3-Clause
// shutdown and reboot: ask guests to end by themselves, and sleep until they have.
#include <algorithm>

#include <fmt/format.h>

#include "record/label.hpp"
#include "record/record.hpp"
#include "verbs/guests.hpp"
#include "verbs/verbs.hpp"
#include "verbs/watch.hpp"
#include "xcl/error.hpp"

namespace xcl::verbs {
namespace {

std::string_view word(EndRequest request) {
    return request == EndRequest::reboot ? "reboot" : "poweroff";
}

void ask(Store& store, std::span<const DomainInfo> guests, EndRequest request) {
    std::vector<StoreRequest> requests;
    std::vector<DomainId> asked;
    for (const DomainInfo& guest : guests) {
        if (guest.state == DomainState::shutdown || guest.state == DomainState::dying)
            continue;
        requests.push_back(
            store_write(domain_path(guest.id) + "/control/shutdown", std::string(word(request))));
        asked.push_back(guest.id);
    }
    const std::vector<StoreReply> replies = store.exchange(requests);
    for (std::size_t i = 0; i < requests.size(); ++i)
        if (replies[i].error != 0)
            throw Error({.domain = asked[i],
                         .doing = fmt::format("ask it for {}", word(request)),
                         .call = describe(requests[i]),
                         .error = replies[i].error});
}

// Moves the guests that have ended from `waiting` to `ended`.
void sort_out_ended(Hypervisor& hypervisor, std::vector<DomainInfo>& waiting,
                    std::vector<EndedGuest>& ended) {
    std::erase_if(waiting, [&](const DomainInfo& guest) {
        const std::optional<DomainInfo> now = hypervisor.info(guest.id);
        // Another guest under the same id, or a dying one: the one that was asked is gone.
        const bool gone = !now || now->uuid != guest.uuid || now->state == DomainState::dying;
        if (!gone && now->state != DomainState::shutdown)
            return false;
        ended.push_back(
            {.id = guest.id, .reason = gone ? std::nullopt : now->reason, .collected = false});
        return true;
    });
}

[[noreturn]] void throw_unanswered(const std::vector<DomainInfo>& waiting, EndRequest request,
                                   std::chrono::milliseconds timeout) {
    std::string ids;
    for (const DomainInfo& guest : waiting)
        ids += fmt::format("{}{}", ids.empty() ? "" : ",", guest.id.value());
    throw Error({.doing = fmt::format("wait for {}", word(request)),
                 .problem = fmt::format("not ended within {} s: domain {}",
                                        static_cast<double>(timeout.count()) / 1000, ids),
                 .hint = fmt::format("'cosmos destroy {}' ends them at once", ids)});
}

// Collects the guests of ours whose config does not say preserve.
void collect(const Host& host, std::span<const DomainInfo> guests, std::vector<EndedGuest>& ended) {
    std::vector<DomainInfo> doomed;
    for (EndedGuest& guest : ended) {
        const auto asked = std::ranges::find(guests, guest.id, &DomainInfo::id);
        const std::optional<Label> label = read_label(asked->uuid);
        if (!label || !guest.reason || action_after(*label, *guest.reason) == EndAction::preserve)
            continue;
        guest.collected = true;
        doomed.push_back(*asked);
    }
    destroy_found(host, doomed);
}

}  // namespace

void request_end(Hypervisor& hypervisor, Store& store, std::span<const DomainId> ids,
                 EndRequest request) {
    ask(store, require_guests(hypervisor, ids, fmt::format("ask it for {}", word(request))),
        request);
}

std::vector<EndedGuest> end_and_wait(const Host& host, std::span<const DomainId> ids,
                                     EndRequest request, std::chrono::milliseconds timeout) {
    Hypervisor& hypervisor = host.hypervisor;
    Store& store = host.store;
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    const std::vector<DomainInfo> guests =
        require_guests(hypervisor, ids, fmt::format("ask it for {}", word(request)));

    // Watched before asked: no end can be missed.
    const Watch watch(store, "@releaseDomain");  // fires when a domain ends or goes
    ask(store, guests, request);

    std::vector<DomainInfo> waiting = guests;
    std::vector<EndedGuest> ended;
    sort_out_ended(hypervisor, waiting, ended);
    while (!waiting.empty() && store.wait_event(deadline))
        sort_out_ended(hypervisor, waiting, ended);
    collect(host, guests, ended);
    if (!waiting.empty())
        throw_unanswered(waiting, request, timeout);
    return ended;
}

}  // namespace xcl::verbs
