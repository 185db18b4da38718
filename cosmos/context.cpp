// SPDX-License-Identifier: BSD-3-Clause
// Opens the host for a command, and reports how it went.
#include "context.hpp"

#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace cosmos {
namespace {

Status status_of(xcl::ErrorKind kind) {
    switch (kind) {
        case xcl::ErrorKind::bad_config:
            return Status::usage;
        case xcl::ErrorKind::no_such_guest:
            return Status::no_such_guest;
        case xcl::ErrorKind::no_xen:
            return Status::no_xen;
        case xcl::ErrorKind::failed:
            break;
    }
    return Status::failed;
}

}  // namespace

xcl::Toolstack& Context::toolstack() {
    if (!toolstack_) {
        xcl::Toolstack::Options options;
        if (options_.verbose)
            options.log = [](std::string_view line) { fmt::print(stderr, "{}\n", line); };
        options.take_times = options_.times;
        toolstack_.emplace(std::move(options));
    }
    return *toolstack_;
}

void Context::report_times() const {
    if (!options_.times)
        return;
    using std::chrono::duration_cast;
    using std::chrono::microseconds;
    const auto total = duration_cast<microseconds>(std::chrono::steady_clock::now() - start_);
    const xcl::Timings spent = toolstack_ ? toolstack_->timings() : xcl::Timings{};
    const auto hypervisor = duration_cast<microseconds>(spent.hypervisor);
    const auto store = duration_cast<microseconds>(spent.store);
    const auto network = duration_cast<microseconds>(spent.network);
    const auto rest = total - hypervisor - store - network;
    if (options_.json)
        fmt::print(stderr, "{}\n",
                   nlohmann::json{{"time_us",
                                   {{"hypervisor", hypervisor.count()},
                                    {"xenstore", store.count()},
                                    {"network", network.count()},
                                    {"rest", rest.count()},
                                    {"total", total.count()}}}}
                       .dump());
    else
        fmt::print(
            stderr,
            "time: hypervisor {} us, XenStore {} us, network {} us, the rest {} us, total {} "
            "us\n",
            hypervisor.count(), store.count(), network.count(), rest.count(), total.count());
}

int report(const std::exception& error, bool json) {
    Status status = Status::failed;
    std::string hint;
    if (const auto* known = dynamic_cast<const xcl::Error*>(&error)) {
        status = status_of(known->kind());
        hint = known->failure().hint;
    } else if (dynamic_cast<const UsageError*>(&error) != nullptr) {
        status = Status::usage;
    }
    if (json) {
        nlohmann::json object{{"error", error.what()}, {"status", code(status)}};
        if (!hint.empty())
            object["hint"] = hint;
        using nlohmann::json;
        fmt::print(stderr, "{}\n", object.dump(-1, ' ', false, json::error_handler_t::replace));
    } else if (hint.empty()) {
        fmt::print(stderr, "cosmos: {}\n", error.what());
    } else {
        fmt::print(stderr, "cosmos: {} ({})\n", error.what(), hint);
    }
    return code(status);
}

}  // namespace cosmos
