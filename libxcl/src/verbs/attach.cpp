// SPDX-License-Identifier: BSD-3-Clause
// attach: gives a guest one vif more, whole or not at all.
#include <algorithm>

#include <fmt/format.h>

#include "core/quietly.hpp"
#include "record/label.hpp"
#include "record/record.hpp"
#include "verbs/guest_vifs.hpp"
#include "verbs/guests.hpp"
#include "verbs/recorded_vifs.hpp"
#include "verbs/verbs.hpp"
#include "xcl/error.hpp"

namespace xcl::verbs {
namespace {

constexpr const char* attaching = "attach a network interface to it";

std::string hotplug_status_path(const VifId& vif) {
    return backend_path(vif) + "/hotplug-status";
}

std::uint16_t free_number(Store& store, DomainId id) {
    const std::vector<DomainId> ids{id};
    const std::vector<VifId> taken = recorded_vifs(store, ids);
    for (std::uint16_t number = 0; number < GuestConfig::max_vifs; ++number)
        if (std::ranges::find(taken, VifId{id, number}) == taken.end())
            return number;
    throw Error({.domain = id,
                 .doing = attaching,
                 .problem = fmt::format("it has {} already, the most a guest may have",
                                        GuestConfig::max_vifs),
                 .hint = fmt::format("'cosmos detach {} VIF' takes one away", id.value())});
}

// Records the vif; where no script sees to its switch, without hotplug-status. netback does not
// connect it before that is there. (It gives up a vif whose frontend has no state.)
void record(Store& store, const VifId& vif, const RecordedVif& what) {
    std::vector<StoreRequest> requests = vif_record(vif.guest, what);
    std::erase_if(requests, [&](const StoreRequest& request) {
        return request.path == hotplug_status_path(vif);
    });
    require_done(requests, store.exchange(requests), vif.guest, "record the vif in XenStore");
}

// The vif is on its switch: its address, and the word to its backend.
void hand_over(Store& store, const VifId& vif, const RecordedVif& what, const GuestVifs& vifs) {
    if (!what.script.empty())
        return;  // the script has done so
    std::vector<StoreRequest> requests = vifs.chosen_addresses();
    requests.push_back(store_write(hotplug_status_path(vif), "connected"));
    require_done(requests, store.exchange(requests), vif.guest, "hand the vif to the guest");
}

void undo(const Host& host, const VifId& vif, GuestVifs& vifs) noexcept {
    vifs.abandon();
    quietly([&] {
        std::vector<StoreRequest> removal = vif_removal(vif);
        removal.push_back(backend_errors_removal(vif.guest));
        static_cast<void>(host.store.exchange(removal));
    });
}

}  // namespace

std::uint16_t attach(const Host& host, DomainId id, const VifConfig& vif,
                     const AttachOptions& options) {
    const DomainInfo guest = require_guest(host.hypervisor, id, attaching);
    if (!guest.ours || guest.unfinished)
        throw Error({.domain = id,
                     .doing = attaching,
                     .problem = guest.ours ? "its creation has not ended"
                                           : "it was created by another toolstack",
                     .hint = guest.ours ? "" : "'xl network-attach' does this for guests of xl"});
    const std::vector<VifPlan> plans = plan_vifs(host.network, {&vif, 1}, 1);
    const VifId which{id, free_number(host.store, id)};
    GuestVifs vifs(host.network, id, plans, which.number);
    host.network.listen();
    // First, so that whoever destroys the guest from now on looks for its backends.
    host.hypervisor.set_uuid(id, label_with_vif(guest.uuid, !vif.script.empty()));
    try {
        const RecordedVif what = vifs.recorded().front();
        record(host.store, which, what);
        vifs.await_plugged(host.store, options.timeout);
        hand_over(host.store, which, what, vifs);
        if (options.wait_connected) {
            vifs.await_connected(host.store, options.timeout);
            vifs.await_backends(host.store, std::chrono::steady_clock::now() + options.timeout,
                                options.timeout);
        }
    } catch (const Error&) {
        undo(host, which, vifs);
        throw;
    }
    return which.number;
}

}  // namespace xcl::verbs
