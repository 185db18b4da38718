// SPDX-License-Identifier: BSD-3-Clause
// help: lists the commands, or explains one; --man prints the manual page.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "manual.hpp"

namespace cosmos {
namespace {

struct Options {
    std::string command;
    bool manual = false;
};

void print_overview(bool json) {
    if (json) {
        nlohmann::json list = nlohmann::json::array();
        for (const Command& command : commands())
            list.push_back({{"name", command.name}, {"summary", command.summary}});
        fmt::print("{}\n", list.dump());
        return;
    }
    fmt::print(
        "cosmos: a lean Xen toolstack for thousands of tiny guests\n\n"
        "Usage: cosmos COMMAND [options] [arguments]\n\nCommands:\n");
    for (const Command& command : commands())
        fmt::print("  {:<11} {}\n", command.name, command.summary);
    fmt::print(
        "\n'cosmos help COMMAND' explains one, 'man cosmos' has it all.\n"
        "Exit status: 0 done, 1 failed, 2 wrong usage, 3 no such guest, "
        "4 not a Xen control domain.\n");
}

int explain(Context& context, const Options& options) {
    if (options.manual) {
        fmt::print("{}", manual_page());
        return code(Status::done);
    }
    if (options.command.empty()) {
        print_overview(context.json());
        return code(Status::done);
    }
    const Command* const command = find_command(options.command);
    if (command == nullptr)
        throw UsageError(
            fmt::format("there is no command '{}': 'cosmos help' lists all", options.command));
    fmt::print("{}", help_text(*command));
    return code(Status::done);
}

}  // namespace

Action declare_help(CommandLine& line) {
    const auto options = std::make_shared<Options>();
    line.argument("COMMAND", options->command, false, "The command to explain");
    line.flag(0, "man", options->manual, "Print the manual page, for man(1)");
    return [options](Context& context) { return explain(context, *options); };
}

}  // namespace cosmos
