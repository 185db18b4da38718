// SPDX-License-Identifier: BSD-3-Clause
// help: lists the commands, or explains one; --man prints the manual page.
#include <fmt/format.h>

#include "commands.hpp"
#include "manual.hpp"
#include "output.hpp"

namespace cosmos {
namespace {

struct Options {
    std::vector<std::string> command;  // the words of its name
    bool manual = false;
};

// Lists all commands, or those of a group.
void print_overview(std::string_view group, bool json) {
    nlohmann::json list = nlohmann::json::array();
    std::vector<std::vector<std::string>> rows;
    for (const Command& command : commands()) {
        if (!is_in_group(command, group))
            continue;
        list.push_back({{"name", command.name}, {"summary", command.summary}});
        rows.push_back({fmt::format("  {}", command.name), std::string(command.summary)});
    }
    if (json) {
        print_json(list);
        return;
    }
    if (group.empty())
        fmt::print(
            "cosmos: a lean Xen toolstack for thousands of tiny guests\n\n"
            "Usage: cosmos COMMAND [options] [arguments]\n\nCommands:\n");
    print_table(rows, {false, false});
    fmt::print("\n'cosmos help COMMAND' explains one, 'man cosmos' has it all.\n");
    if (group.empty())
        fmt::print(
            "Exit status: 0 done, 1 failed, 2 wrong usage, 3 no such guest, "
            "4 not a Xen control domain.\n");
}

int explain(Context& context, const Options& options) {
    if (options.manual) {
        fmt::print("{}", manual_page());
        return code(Status::done);
    }
    const std::span<const std::string> words = options.command;
    const FoundCommand found = find_command(words);
    if (found.command != nullptr && found.words < words.size())
        throw UsageError(fmt::format("'{}' is one word too many", words[found.words]));
    const std::string group = joined(words);
    if (found.command != nullptr)
        fmt::print("{}", help_text(*found.command));
    else if (group.empty() || is_group(group))
        print_overview(group, context.json());
    else
        throw UsageError(fmt::format("{} ('cosmos help' lists all)", no_such_command(words)));
    return code(Status::done);
}

}  // namespace

Action declare_help(CommandLine& line) {
    const auto options = std::make_shared<Options>();
    line.arguments("COMMAND", options->command, "The command to explain, or a group: host");
    line.flag(0, "man", options->manual, "Print the manual page, for man(1)");
    return [options](Context& context) { return explain(context, *options); };
}

}  // namespace cosmos
