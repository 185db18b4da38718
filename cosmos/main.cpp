// SPDX-License-Identifier: BSD-3-Clause
// cosmos: finds the command in the table, parses its words, runs it, turns errors into a status.
#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>

#include <fmt/format.h>
#include <sched.h>

#include "command.hpp"
#include "xcl/error.hpp"

namespace cosmos {
namespace {

int usage_error(const std::string& message, std::string_view command) {
    const std::string help =
        command.empty() ? "cosmos help" : fmt::format("cosmos help {}", command);
    fmt::print(stderr, "cosmos: {} (try '{}')\n", message, help);
    return code(Status::usage);
}

int run(const Command& command, std::vector<std::string> words) {
    CommonOptions options;
    CommandLine line;
    const Action action = command.declare(line);
    declare_common_options(line, options);
    try {
        line.parse(std::move(words));
    } catch (const UsageError& error) {
        if (!options.help)  // who asks for help need not get the rest right
            return usage_error(fmt::format("{}: {}", command.name, error.what()), command.name);
    }
    if (options.help) {
        fmt::print("{}", help_text(command));
        return code(Status::done);
    }
    Context context(options);
    int status = code(Status::done);
    try {
        status = action(context);
    } catch (const std::exception& error) {
        status = report(error, options.json);
    }
    context.report_times();
    return status;
}

int main(std::vector<std::string> words) {
    // Common options may stand before the command's name too.
    const auto is_option = [](const std::string& word) { return word.starts_with('-'); };
    const auto name = std::ranges::find_if_not(words, is_option);
    if (name == words.end()) {
        const bool asks_version = std::ranges::find(words, "--version") != words.end();
        const bool asks_help = std::ranges::find(words, "--help") != words.end() ||
                               std::ranges::find(words, "-h") != words.end();
        if (!words.empty() && !asks_version && !asks_help)
            return usage_error(fmt::format("'{}' is not followed by a command", words.back()), {});
        return run(*find_command(asks_version ? "version" : "help"), {});
    }
    const std::span from_name(name, std::ranges::find_if(name, words.end(), is_option));
    if (const FoundCommand found = find_command(from_name); found.command != nullptr) {
        words.erase(name, name + static_cast<std::ptrdiff_t>(found.words));
        return run(*found.command, std::move(words));
    }
    if (is_group(joined(from_name)))  // "host" alone asks what there is
        return run(*find_command("help"), std::move(words));
    return usage_error(no_such_command(from_name), {});
}

// What was printed may still lie in a buffer: a full disk must not pass for success.
void require_printed() {
    if (std::fflush(stdout) != 0)
        throw xcl::Error({.doing = "print the result", .call = "write", .error = errno});
}

}  // namespace
}  // namespace cosmos

int main(int argc, char** argv) {
    // A short process that others wait for: once the store daemon has answered, it goes on at once
    // instead of behind all that the answer set off (xenconsoled looks at every guest). Without the
    // right to ask for this, it merely takes longer.
    const sched_param lowest{.sched_priority = 1};
    static_cast<void>(sched_setscheduler(0, SCHED_RR, &lowest));
    try {
        const int status = cosmos::main({argv + 1, argv + argc});
        cosmos::require_printed();
        return status;
    } catch (const std::exception& error) {
        return cosmos::report(error, false);
    }
}
