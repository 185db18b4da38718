// SPDX-License-Identifier: BSD-3-Clause
// reap: collects what ended or was left behind.
#include <fmt/format.h>

#include "commands.hpp"
#include "output.hpp"

namespace cosmos {
namespace {

std::string_view word(xcl::ReapCause cause) {
    switch (cause) {
        case xcl::ReapCause::ended:
            return "ended";
        case xcl::ReapCause::unfinished:
            return "unfinished";
        case xcl::ReapCause::leftover:
            return "leftover";
        case xcl::ReapCause::orphan:
            return "orphan";
    }
    return "";
}

std::string_view sentence(xcl::ReapCause cause) {
    switch (cause) {
        case xcl::ReapCause::ended:
            return "it had ended";
        case xcl::ReapCause::unfinished:
            return "the process that was creating it died";
        case xcl::ReapCause::leftover:
            return "its destruction had been cut short";
        case xcl::ReapCause::orphan:
            return "only its record in XenStore was left";
    }
    return "";
}

int reap(Context& context) {
    const std::vector<xcl::Reaped> reaped = context.toolstack().reap();
    if (context.json()) {
        nlohmann::json all = nlohmann::json::array();
        for (const xcl::Reaped& guest : reaped)
            all.push_back({{"id", guest.id.value()}, {"cause", word(guest.cause)}});
        print_json(all);
        return code(Status::done);
    }
    for (const xcl::Reaped& guest : reaped)
        fmt::print("Collected domain {}: {}\n", guest.id.value(), sentence(guest.cause));
    return code(Status::done);
}

}  // namespace

Action declare_reap(CommandLine&) {
    return reap;
}

}  // namespace cosmos
