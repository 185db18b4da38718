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
#include "suspend.hpp"
#include "text.hpp"
#include "time.hpp"
#include "traps.hpp"
#include "writes.hpp"
#include "xenstore.hpp"

namespace guest {

namespace {

constexpr std::uint64_t most_given_back = 1 << 20;

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

void give_back_if_asked(std::string_view pages, Memory& memory, Console& console) {
    if (!pages.empty() && !memory.give_back(number_up_to(most_given_back, pages)))
        console.write("balloon= knows numbers of pages that lie behind those a builder maps\n");
}

// Whether to open a channel for it.
bool offers_suspend(std::string_view how, Console& console) {
    if (!how.empty() && how != "store" && how != "mapped")
        console.write("suspend= knows store, mapped\n");
    return how != "store";
}

// The console's two fields are 0 in a guest without one. Who resumes it may have taken the 0 for a
// page frame, which is code and no ring.
void connect(Console& console, const start_info& boot) {
    const auto& given = boot.console.domU;
    const bool none = given.mfn == 0 || given.evtchn == 0 || Memory::page_frame(given.mfn) == 0;
    console.connect(
        none ? nullptr : static_cast<xencons_interface*>(Memory::address_of_frame(given.mfn)),
        given.evtchn);
}

void connect(XenStore& store, const start_info& boot) {
    store.connect(
        *static_cast<xenstore_domain_interface*>(Memory::address_of_frame(boot.store_mfn)),
        boot.store_evtchn);
}

void add_count(Text& text, std::uint64_t count, std::string_view of) {
    text.decimal(count).add(of).add(count == 1 ? "" : "s");
}

// What is counted comes along: a line to see that by.
void print_return(Console& console, const Suspend& suspend, Suspend::End end, const Echo& echo,
                  const Network& network) {
    Text text;
    text.add(end == Suspend::End::resumed ? "resumed" : "suspend cancelled")
        .add(", domain ")
        .decimal(own_domain_id());
    add_count(text.add(", "), suspend.times(end), " time");
    add_count(text.add("; answered "), echo.lines(), " line");
    add_count(text.add(", "), network.pings(), " ping");
    console.write(text.add("\n").view());
}

[[noreturn]] void run(start_info& boot, std::uint64_t unused) {
    Memory memory{boot, unused};
    auto& shared = *static_cast<shared_info*>(memory.map_machine(boot.shared_info));
    Events events{shared};
    const Clock clock{shared.vcpu_info[0].time};
    Console console{events, clock};
    connect(console, boot);
    install_traps(console, shared.vcpu_info[0]);

    print_banner(console, boot);
    fault_if_asked(option(command_line(boot), "fault"), console);
    exit_if_asked(option(command_line(boot), "exit"), console);

    give_back_if_asked(option(command_line(boot), "balloon"), memory, console);

    XenStore store{events};
    Grants grants{memory};
    const std::string_view how = option(command_line(boot), "suspend");
    Suspend suspend{boot, shared, memory, events, grants, how != "mapped"};
    const bool offers_channel = offers_suspend(how, console);
    ShutdownWatch shutdown{store, console, suspend};
    const Echo echo{console};
    Network network{memory, events, store, grants, console};
    Writes writes{memory, events, clock, console};

    // What there is to do in each domain that the guest comes to.
    const auto start = [&] {
        connect(store, boot);
        network.start(command_line(boot));
        shutdown.start();
        writes.start(option(command_line(boot), "writes"));
        if (offers_channel)
            suspend.offer_channel(store);
    };
    start();
    for (;;) {
        const bool any = events.dispatch();
        if (suspend.requested()) {
            const Suspend::End end = suspend.suspend();
            if (end == Suspend::End::resumed)
                connect(console, boot);
            print_return(console, suspend, end, echo, network);
            if (end == Suspend::End::resumed)
                start();
        } else if (!any) {
            events.sleep();
        }
    }
}

}  // namespace

}  // namespace guest

// From start.S: `unused` is the first address behind the stack.
extern "C" [[noreturn]] void guest_main(start_info* boot, std::uint64_t unused) {
    guest::run(*boot, unused);
}
