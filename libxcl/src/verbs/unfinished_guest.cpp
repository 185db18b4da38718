// SPDX-License-Identifier: BSD-3-Clause
// Records and labels a new guest, or undoes what was done of it.
#include "verbs/unfinished_guest.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <sys/random.h>

#include "core/quietly.hpp"
#include "record/label.hpp"
#include "verbs/guests.hpp"
#include "verbs/late_terminals.hpp"
#include "xcl/error.hpp"

namespace xcl::verbs {

UnfinishedGuest::UnfinishedGuest(Hypervisor& hypervisor, Store& store, const NewDomain& domain)
    : hypervisor_(hypervisor), store_(store), id_(hypervisor.create_domain(domain)) {}

UnfinishedGuest::~UnfinishedGuest() {
    if (finished_)
        return;
    std::optional<DomainInfo> unmet;  // by xenconsoled, which knows of it
    if (recorded_)
        quietly([&] {
            std::vector<StoreRequest> requests = removal();
            requests.insert(requests.begin(), look_at_console(id_));
            if (terminal_may_follow(store_.exchange(requests).front()) && introduced_)
                unmet = hypervisor_.info(id_);
        });
    quietly([&] { hypervisor_.destroy(id_); });
    if (unmet)
        quietly([&] { sweep_late_terminals(hypervisor_, store_, {&*unmet, 1}); });
}

void UnfinishedGuest::send(const std::vector<StoreRequest>& requests) {
    introduced_ = introduced_ || std::ranges::find(requests, StoreRequest::Operation::introduce,
                                                   &StoreRequest::operation) != requests.end();
    require_done(requests, store_.exchange(requests), id_, "record the guest in XenStore");
}

void UnfinishedGuest::record(const RecordInput& input) {
    recorded_ = true;  // also when it fails half way
    has_vifs_ = !input.vifs.empty();
    std::vector<StoreRequest> requests = guest_record(input);
    if (input.frames)
        introduction_ = guest_introduction(input, *input.frames);
    if (introduction_ && !has_vifs_)
        requests.push_back(*std::exchange(introduction_, std::nullopt));
    send(requests);
}

void UnfinishedGuest::complete_record(std::vector<StoreRequest> requests) {
    if (introduction_)
        requests.push_back(*std::exchange(introduction_, std::nullopt));
    if (!requests.empty())
        send(requests);
}

void UnfinishedGuest::finish(const GuestConfig& config) {
    Uuid random{};
    if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size()))
        throw Error({.domain = id_, .doing = "label it", .call = "getrandom", .error = errno});
    finish(config, random);
}

void UnfinishedGuest::finish(const GuestConfig& config, const Uuid& token) {
    hypervisor_.set_uuid(id_, whole_label(config, token));
    finished_ = true;
}

std::vector<StoreRequest> UnfinishedGuest::removal() const {
    std::vector<StoreRequest> requests = guest_removal(id_, has_vifs_);
    if (has_vifs_)
        requests.push_back(backend_errors_removal(id_));
    return requests;
}

}  // namespace xcl::verbs
