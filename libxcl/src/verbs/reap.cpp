// SPDX-License-Identifier: BSD-3-Clause
// reap: collects what ended by itself and what killed processes left behind.
#include <algorithm>
#include <cerrno>
#include <iterator>

#include "record/label.hpp"
#include "record/record.hpp"
#include "verbs/guests.hpp"
#include "verbs/verbs.hpp"

namespace xcl::verbs {
namespace {

// Not just a directory: xenconsoled may have written a terminal's name into one that was removed.
bool has_record(Store& store, DomainId id) {
    const std::vector<StoreRequest> request{store_directory(domain_path(id) + "/control")};
    return store.exchange(request).front().error != ENOENT;
}

// Whether the process that was creating this domain died over it. A maker that no longer runs may
// have finished the guest after it was looked at; look again, nobody else changes the label.
bool is_abandoned(Hypervisor& hypervisor, const DomainInfo& domain, const ProcessStamp& maker,
                  const IsRunning& is_running) {
    if (is_running(maker))
        return false;
    const std::optional<DomainInfo> now = hypervisor.info(domain.id);
    return now && now->uuid == domain.uuid;
}

// Why this domain is to be collected, if it is. Domains of other toolstacks never are: theirs to
// judge.
std::optional<ReapCause> cause_to_reap(Hypervisor& hypervisor, Store& store,
                                       const DomainInfo& domain, bool was_recorded,
                                       const IsRunning& is_running) {
    const std::optional<Label> label = read_label(domain.uuid);
    if (!label)
        return std::nullopt;
    if (label->maker)
        return is_abandoned(hypervisor, domain, *label->maker, is_running)
                   ? std::optional(ReapCause::unfinished)
                   : std::nullopt;
    if (domain.state == DomainState::shutdown && domain.reason &&
        action_after(*label, *domain.reason) == EndAction::destroy)
        return ReapCause::ended;
    if (domain.state == DomainState::dying)
        return ReapCause::leftover;
    // A destroy holds a guest still, then removes its record, then the domain. One without a record
    // may also have become whole since the records were listed: look again.
    const bool held = domain.state == DomainState::paused || domain.state == DomainState::shutdown;
    if ((held || !was_recorded) && !has_record(store, domain.id))
        return ReapCause::leftover;
    return std::nullopt;
}

// What is in XenStore of guests.
struct Recorded {
    std::vector<DomainId> guests;
    // Ascending, each once: also those of which only the backends of vifs are there, or errors of
    // those. The control domain's kernel may write either after a record was removed, when it was
    // about to serve a vif at that moment.
    std::vector<DomainId> anything;
};

Recorded look_up_recorded(Store& store) {
    Recorded found;
    found.guests = ids_below(store, "/local/domain", "list the records in XenStore");
    found.anything = found.guests;
    for (const char* const path :
         {"/local/domain/0/backend/vif", "/local/domain/0/error/backend/vif"})
        std::ranges::copy(ids_below(store, path, "list the backends in XenStore"),
                          std::back_inserter(found.anything));
    std::ranges::sort(found.anything);
    found.anything.erase(std::unique(found.anything.begin(), found.anything.end()),
                         found.anything.end());
    return found;
}

}  // namespace

std::vector<Reaped> reap(const Host& host, const IsRunning& is_running) {
    Hypervisor& hypervisor = host.hypervisor;
    Store& store = host.store;
    // Records first, domains second: a record seen before and without a domain now is an orphan.
    const Recorded recorded = look_up_recorded(store);
    const std::vector<DomainInfo> domains = hypervisor.list();

    std::vector<Reaped> reaped;
    std::vector<DomainInfo> doomed;
    for (const DomainInfo& domain : domains) {
        const bool was_recorded =
            std::ranges::find(recorded.guests, domain.id) != recorded.guests.end();
        if (const auto cause = cause_to_reap(hypervisor, store, domain, was_recorded, is_running)) {
            reaped.push_back({domain.id, *cause});
            doomed.push_back(domain);
        }
    }
    destroy_found(host, doomed);

    for (const DomainId id : recorded.anything) {
        if (id == control_domain ||
            std::ranges::find(domains, id, &DomainInfo::id) != domains.end())
            continue;
        std::vector<StoreRequest> removal = guest_removal(id, true);
        removal.push_back(backend_errors_removal(id));
        require_done(removal, store.exchange(removal), id, "remove its record from XenStore");
        reaped.push_back({id, ReapCause::orphan});
    }
    return reaped;
}

}  // namespace xcl::verbs
