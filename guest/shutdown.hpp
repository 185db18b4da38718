// SPDX-License-Identifier: BSD-3-Clause
// Shutdown: ending the domain with a reason, and obeying control/shutdown.
#pragma once

#include <string_view>

#include "console.hpp"
#include "suspend.hpp"
#include "xenstore.hpp"

namespace guest {

// Ends the domain; `reason` is one of sched.h's SHUTDOWN_*.
[[noreturn]] void end_domain(unsigned reason);

class ShutdownWatch {
  public:
    ShutdownWatch(XenStore& store, Console& console, Suspend& suspend);
    ShutdownWatch(const ShutdownWatch&) = delete;  // the watch points here
    ShutdownWatch& operator=(const ShutdownWatch&) = delete;

    // Watches; to be done again when XenStore is connected anew.
    void start();

  private:
    void obey();

    XenStore* store_;
    Console* console_;
    Suspend* suspend_;
};

}  // namespace guest
