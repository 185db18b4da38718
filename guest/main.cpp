// SPDX-License-Identifier: BSD-3-Clause
// The guest, put together: each subject is made here once and handed to those that use it.
#include "command_line.hpp"
#include "console.hpp"
#include "domain_id.hpp"
#include "echo.hpp"
#include "events.hpp"
#include "faults.hpp"
#include "memory.hpp"
#include "network.hpp"
#include "shutdown.hpp"
#include "text.hpp"
#include "time.hpp"
#include "traps.hpp"
#include "xenstore.hpp"

namespace guest {

namespace {

void print_banner(Console& console, const start_info& boot) {
    console.write(Text{}
                      .add("cosmos guest, domain ")
                      .decimal(own_domain_id())
                      .add(", ")
                      .decimal(boot.nr_pages * page_bytes / 1024)
                      .add(" KiB\n")
                      .view());
}

void exit_if_asked(std::string_view how, Console& console) {
    if (how.empty())
        return;
    const bool off = how == "poweroff";
    const bool again = how == "reboot";
    if (!off && !again && how != "crash") {
        console.write("exit= knows poweroff, reboot, crash\n");
        return;
    }
    console.drain();
    end_domain(off ? SHUTDOWN_poweroff : again ? SHUTDOWN_reboot : SHUTDOWN_crash);
}

void fault_if_asked(std::string_view name, Console& console) {
    if (name.empty())
        return;
    raise_fault(name);
    console.write(Text{}.add("fault= knows ").add(fault_names).add("\n").view());
}

// The console's two fields are 0 in a guest without one.
xencons_interface* console_ring(const start_info& boot) {
    if (boot.console.domU.mfn == 0 || boot.console.domU.evtchn == 0)
        return nullptr;
    return static_cast<xencons_interface*>(Memory::address_of_frame(boot.console.domU.mfn));
}

[[noreturn]] void run(const start_info& boot, std::uint64_t unused) {
    Memory memory{boot, unused};
    auto& shared = *static_cast<shared_info*>(memory.map_machine(boot.shared_info));
    Events events{shared};
    const Clock clock{shared.vcpu_info[0].time};
    Console console{events, clock, console_ring(boot), boot.console.domU.evtchn};
    install_traps(console, shared.vcpu_info[0]);

    print_banner(console, boot);
    fault_if_asked(option(command_line(boot), "fault"), console);
    exit_if_asked(option(command_line(boot), "exit"), console);

    auto& store_ring =
        *static_cast<xenstore_domain_interface*>(Memory::address_of_frame(boot.store_mfn));
    XenStore store{events, store_ring, boot.store_evtchn};
    const ShutdownWatch shutdown{store, console};
    const Echo echo{console};
    Network network{memory, events, store, console};
    network.start(command_line(boot));

    for (;;) {
        while (events.dispatch()) {
        }
        events.sleep();
    }
}

}  // namespace

}  // namespace guest

// From start.S: `unused` is the first address behind the stack.
extern "C" [[noreturn]] void guest_main(const start_info* boot, std::uint64_t unused) {
    guest::run(*boot, unused);
}
