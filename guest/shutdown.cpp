// SPDX-License-Identifier: BSD-3-Clause
// Shutdown: ending the domain with a reason, and obeying control/shutdown.
#include "shutdown.hpp"

#include "hypercall.hpp"
#include "text.hpp"

namespace guest {

namespace {

constexpr std::string_view request_path = "control/shutdown";

struct Request {
    std::string_view name;
    unsigned reason;
};

// Xen knows no "halt": to the toolstack a halted guest is one that is off.
constexpr Request requests[] = {
    {"poweroff", SHUTDOWN_poweroff},
    {"halt", SHUTDOWN_poweroff},
    {"reboot", SHUTDOWN_reboot},
    {"suspend", SHUTDOWN_suspend},
};

}  // namespace

void end_domain(unsigned reason) {
    sched_shutdown shutdown{reason};
    for (;;)
        sched_op(SCHEDOP_shutdown, shutdown);
}

ShutdownWatch::ShutdownWatch(XenStore& store, Console& console, Suspend& suspend)
    : store_(&store), console_(&console), suspend_(&suspend) {}

void ShutdownWatch::start() {
    const auto watched = store_->watch(
        request_path, [](void* self) { static_cast<ShutdownWatch*>(self)->obey(); }, this);
    if (!watched.ok) {
        console_->write(Text{}
                            .add("cannot watch control/shutdown (")
                            .add(watched.text)
                            .add("): shutdown requests will not be heard\n")
                            .view());
    }
}

void ShutdownWatch::obey() {
    const auto wanted = store_->read(request_path);
    // Empty is the state of rest, and what acknowledging it makes of a request.
    if (!wanted.ok || wanted.text.empty())
        return;
    for (const Request& request : requests) {
        if (wanted.text != request.name)
            continue;
        const bool comes_back = request.reason == SHUTDOWN_suspend;
        if (comes_back && !suspend_->request())
            break;
        const auto acknowledged = store_->write(request_path, "");
        if (!acknowledged.ok) {
            console_->put(Text{}
                              .add("cannot acknowledge in control/shutdown (")
                              .add(acknowledged.text)
                              .add(")\n")
                              .view());
        }
        if (comes_back)
            return;
        console_->write(Text{}.add("shutdown: ").add(request.name).add("\n").view());
        console_->drain();
        end_domain(request.reason);
    }
    // Not acknowledged, so that the toolstack knows.
    console_->write(
        Text{}.add("shutdown: \"").add(wanted.text).add("\" is not known here\n").view());
}

}  // namespace guest
