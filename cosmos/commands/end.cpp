// SPDX-License-Identifier: BSD-3-Clause
// shutdown and reboot: ask guests to end by themselves.
#include <fmt/format.h>

#include "commands.hpp"
#include "guests.hpp"
#include "output.hpp"

namespace cosmos {
namespace {

struct Options {
    GuestArguments guests;
    std::string config;
    bool wait = false;
    unsigned timeout_s = 60;
};

void announce(const Context& context, const std::vector<xcl::EndedGuest>& ended) {
    if (context.json()) {
        nlohmann::json all = nlohmann::json::array();
        for (const xcl::EndedGuest& guest : ended) {
            all.push_back({{"id", guest.id.value()}, {"collected", guest.collected}});
            if (guest.reason)
                all.back()["reason"] = word(*guest.reason);
        }
        print_json(all);
        return;
    }
    for (const xcl::EndedGuest& guest : ended)
        fmt::print("Domain {} ended: {}{}\n", guest.id.value(),
                   guest.reason ? word(*guest.reason) : "gone",
                   guest.collected || !guest.reason ? "" : "; preserved");
}

// Asks, and with --wait waits. What has ended is announced.
std::vector<xcl::EndedGuest> end(Context& context, const Options& options,
                                 xcl::EndRequest request) {
    const std::vector<xcl::DomainId> ids = resolve(context, options.guests);
    if (!options.wait) {
        context.toolstack().request_end(ids, request);
        return {};
    }
    return context.toolstack().end_and_wait(ids, request, std::chrono::seconds(options.timeout_s));
}

int shutdown(Context& context, const Options& options) {
    announce(context, end(context, options, xcl::EndRequest::poweroff));
    return code(Status::done);
}

int reboot(Context& context, Options options) {
    if (options.config.empty()) {
        announce(context, end(context, options, xcl::EndRequest::reboot));
        return code(Status::done);
    }
    // Read first: a guest whose config is wrong keeps running.
    const xcl::ParsedConfig parsed = xcl::read_config(options.config);
    options.wait = true;
    const std::vector<xcl::EndedGuest> ended = end(context, options, xcl::EndRequest::reboot);
    announce(context, ended);
    const auto guests =
        context.toolstack().create(parsed.config, {.count = static_cast<unsigned>(ended.size())});
    for (const xcl::CreatedGuest& guest : guests)
        if (!context.json())
            fmt::print("Created domain {}\n", guest.id.value());
    return code(Status::done);
}

void declare_waiting(CommandLine& line, Options& options) {
    declare_guests(line, options.guests);
    line.flag(0, "wait", options.wait, "Sleep until they have ended, and collect them");
    line.number(0, "timeout", "SECONDS", {&options.timeout_s, 1, 86400},
                "With --wait: how long at most (60)");
}

}  // namespace

Action declare_shutdown(CommandLine& line) {
    const auto options = std::make_shared<Options>();
    declare_waiting(line, *options);
    return [options](Context& context) { return shutdown(context, *options); };
}

Action declare_reboot(CommandLine& line) {
    const auto options = std::make_shared<Options>();
    declare_waiting(line, *options);
    line.option("config", "CFG", options->config,
                "Wait, then create each anew from this guest config");
    return [options](Context& context) { return reboot(context, *options); };
}

}  // namespace cosmos
