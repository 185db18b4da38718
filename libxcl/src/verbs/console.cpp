// SPDX-License-Identifier: BSD-3-Clause
// console: finds the terminal that xenconsoled offers for a guest.
#include <cerrno>

#include "record/record.hpp"
#include "verbs/guests.hpp"
#include "verbs/verbs.hpp"
#include "verbs/watch.hpp"
#include "xcl/error.hpp"

namespace xcl::verbs {
std::string console_path(Hypervisor& hypervisor, Store& store, DomainId id,
                         std::chrono::milliseconds timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    require_guest(hypervisor, id, "open its console");
    const std::string home = domain_path(id) + "/console";
    const std::vector<StoreRequest> requests{store_read(home + "/tty"), store_read(home + "/port")};

    std::vector<StoreReply> replies = store.exchange(requests);
    if (replies[0].error == 0 && !replies[0].value.empty())
        return replies[0].value;
    if (replies[1].error == ENOENT)
        throw Error({.domain = id,
                     .doing = "open its console",
                     .problem = "it was created without one (console = 'none')"});

    // A new guest's terminal appears when xenconsoled has seen the introduce.
    const Watch watch(store, home + "/tty");
    while (store.wait_event(deadline)) {
        replies = store.exchange(requests);
        if (replies[0].error == 0 && !replies[0].value.empty())
            return replies[0].value;
    }
    throw Error({.domain = id,
                 .doing = "open its console",
                 .problem = "xenconsoled offers no terminal for it",
                 .hint = "see that xenconsoled runs: 'pgrep xenconsoled'"});
}

}  // namespace xcl::verbs
