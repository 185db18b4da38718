// SPDX-License-Identifier: BSD-3-Clause
// detach: takes a vif from a guest, in agreement with its frontend.
#include <cerrno>

#include <fmt/format.h>

#include "record/record.hpp"
#include "verbs/guests.hpp"
#include "verbs/recorded_vifs.hpp"
#include "verbs/verbs.hpp"
#include "verbs/watch.hpp"
#include "xcl/error.hpp"

namespace xcl::verbs {
namespace {

// Of XenbusState (xen/io/xenbus.h).
constexpr const char* state_connected = "4";
constexpr const char* state_closing = "5";
constexpr const char* state_closed = "6";

void set_backend(Store& store, const VifId& vif, const char* online, const char* state) {
    const std::vector<StoreRequest> requests{store_write(backend_path(vif) + "/online", online),
                                             store_write(backend_path(vif) + "/state", state)};
    require_done(requests, store.exchange(requests), vif.guest, "ask it to let go of its vif");
}

bool is_closed(Store& store, const VifId& vif) {
    const std::vector<StoreRequest> request{store_read(backend_path(vif) + "/state")};
    const StoreReply reply = store.exchange(request).front();
    return reply.error == ENOENT || reply.value == state_closed;
}

// The frontend closes its side when the backend says that it is closing; then the backend closes.
void close(Store& store, const VifId& vif, std::chrono::milliseconds timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    const Watch watch(store, backend_path(vif) + "/state");
    set_backend(store, vif, "0", state_closing);
    while (store.wait_event(deadline))
        if (is_closed(store, vif))
            return;
    set_backend(store, vif, "1", state_connected);
    throw Error({.domain = vif.guest,
                 .doing = fmt::format("detach its vif {}", vif.number),
                 .problem = fmt::format("its frontend did not let go within {} s",
                                        std::chrono::duration<double>(timeout).count()),
                 .hint = "--force takes it away all the same"});
}

// Only then is its number free: an attach that came earlier would take the old interface for its
// own.
void require_gone(Network& network, const VifId& vif, std::chrono::milliseconds timeout) {
    if (!is_gone_by(network, vif, std::chrono::steady_clock::now() + timeout))
        throw Error({.domain = vif.guest,
                     .doing = fmt::format("detach its vif {}", vif.number),
                     .problem = fmt::format("its record is removed, yet {} did not go within {} s",
                                            interface_name(vif),
                                            std::chrono::duration<double>(timeout).count())});
}

}  // namespace

void detach(const Host& host, const VifId& vif, const DetachOptions& options) {
    const DomainInfo guest = require_guest(host.hypervisor, vif.guest, "detach a vif from it");
    const std::vector<StoreRequest> question{store_read(backend_path(vif) + "/state"),
                                             store_read(frontend_path(vif) + "/backend")};
    const std::vector<StoreReply> sides = host.store.exchange(question);
    const StoreReply& backend = sides.front();
    // Either side may be left alone by a removal that was cut short.
    if (backend.error != 0 && sides.back().error != 0)
        throw Error(
            {.domain = vif.guest,
             .doing = fmt::format("detach its vif {}", vif.number),
             .problem = "it has none of this number",
             .hint = fmt::format("'cosmos info {}' shows those it has", vif.guest.value())});
    // One that was never connected has nobody to let go of it; nor does a guest that has ended.
    const bool in_use = backend.value == state_connected && guest.state != DomainState::shutdown;
    if (in_use && !options.force)
        close(host.store, vif, options.timeout);

    run_offline_scripts(host.network, host.store, {&vif, 1});
    const std::vector<StoreRequest> removal = vif_removal(vif);
    require_done(removal, host.store.exchange(removal), vif.guest, "remove its vif from XenStore");
    require_gone(host.network, vif, options.timeout);
}

}  // namespace xcl::verbs
