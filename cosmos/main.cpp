// SPDX-License-Identifier: BSD-3-Clause
// cosmos: finds the command in the table, parses its words, runs it, turns errors into a status.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "command.hpp"
#include "config/nearest.hpp"

namespace cosmos {
namespace {

int usage_error(const std::string& message, std::string_view command) {
    const std::string help = command.empty() ? "cosmos help" : fmt::format("cosmos help {}", command);
    fmt::print(stderr, "cosmos: {} (try '{}')\n", message, help);
    return code(Status::usage);
}

int unknown_command(std::string_view name) {
    xcl::config::NearestWord nearest(name);
    for (const Command& command : commands())
        nearest.offer(command.name);
    const std::string suggestion =
        nearest.get().empty() ? "" : fmt::format("; did you mean '{}'?", nearest.get());
    return usage_error(fmt::format("there is no command '{}'{}", name, suggestion), {});
}

// CLI11's messages begin with a capital and may run over several lines; ours do neither.
std::string one_line(std::string message) {
    std::ranges::replace(message, '\n', ' ');
    while (message.ends_with(' ') || message.ends_with('.'))
        message.pop_back();
    return message;
}

int run(const Command& command, std::vector<std::string> words) {
    CommonOptions options;
    CLI::App app{std::string(command.description), fmt::format("cosmos {}", command.name)};
    const Action action = declare(command, app, options);
    try {
        std::ranges::reverse(words);  // CLI11 takes them from the back
        app.parse(std::move(words));
    } catch (const CLI::CallForHelp&) {
        fmt::print("{}", app.help());
        return code(Status::done);
    } catch (const CLI::ParseError& error) {
        return usage_error(fmt::format("{}: {}", command.name, one_line(error.what())),
                           command.name);
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
    const Command* const command = find_command(*name);
    if (command == nullptr)
        return unknown_command(*name);
    words.erase(name);
    return run(*command, std::move(words));
}

}  // namespace
}  // namespace cosmos

int main(int argc, char** argv) {
    try {
        return cosmos::main({argv + 1, argv + argc});
    } catch (const std::exception& error) {
        return cosmos::report(error, false);
    }
}
