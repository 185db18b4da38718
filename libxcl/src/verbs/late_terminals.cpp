// SPDX-License-Identifier: BSD-3-Clause
// Waits for xenconsoled to let go of those who are gone.
#include "verbs/late_terminals.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "record/record.hpp"
#include "verbs/guests.hpp"

namespace xcl::verbs {

StoreRequest look_at_console(DomainId id) {
    return store_directory(domain_path(id) + "/console");
}

bool terminal_may_follow(const StoreReply& console) {
    const std::vector<std::string> names = directory_names(console);
    const auto has = [&](std::string_view name) {
        return std::ranges::find(names, name) != names.end();
    };
    return console.error == 0 && has("port") && !has("tty");
}

// It holds the guest's ring until it has written; so once the domain is gone for good, no more can
// follow. Nothing tells of that moment, hence the short sleeps.
void sweep_late_terminals(Hypervisor& hypervisor, Store& store,
                          std::span<const DomainInfo> guests) {
    constexpr std::chrono::milliseconds pause{1};
    constexpr std::chrono::seconds patience{1};  // together: somebody else may hold a ring for ever
    const auto deadline = std::chrono::steady_clock::now() + patience;
    std::vector<StoreRequest> removal;
    for (const DomainInfo& guest : guests) {
        for (auto now = hypervisor.info(guest.id);
             now && now->uuid == guest.uuid && std::chrono::steady_clock::now() < deadline;
             now = hypervisor.info(guest.id))
            std::this_thread::sleep_for(pause);
        std::ranges::move(guest_removal(guest.id, false), std::back_inserter(removal));
    }
    require_done(removal, store.exchange(removal), std::nullopt,
                 "remove a guest's record from XenStore");
}

}  // namespace xcl::verbs
