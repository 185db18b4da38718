// SPDX-License-Identifier: BSD-3-Clause
// Command: one entry of the table from which dispatch, help, completion and manual come.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "command_line.hpp"
#include "context.hpp"

namespace cosmos {

// What runs once the words of the command line are understood. Returns the exit status.
using Action = std::function<int(Context&)>;

struct Command {
    std::string_view name;         // one word or several: "list", "host check"
    std::string_view summary;      // one line, lower case, no full stop
    std::string_view description;  // for help and manual: whole sentences
    std::vector<std::string_view> examples;
    // Declares what the command takes; the variables live as long as the Action.
    Action (*declare)(CommandLine& line);
};

// Every command, in the order in which help lists them.
[[nodiscard]] std::span<const Command> commands();

// The command of this name, nothing when there is none.
[[nodiscard]] const Command* find_command(std::string_view name);

// A command found at the start of a command line, and of how many words its name is.
struct FoundCommand {
    const Command* command = nullptr;  // nothing when no command is meant
    std::size_t words = 0;
};

// The command with the longest name that these words begin with.
[[nodiscard]] FoundCommand find_command(std::span<const std::string> words);

// Whether names of several words begin with this one: "host".
[[nodiscard]] bool is_group(std::string_view name);
// Whether a command belongs to that group; all belong to the group without a name.
[[nodiscard]] bool is_in_group(const Command& command, std::string_view group);

// Words with a space between each two.
[[nodiscard]] std::string joined(std::span<const std::string> words);

// What to say to words that name no command, with the nearest name if one is near.
[[nodiscard]] std::string no_such_command(std::span<const std::string> words);

// The options that every command takes.
void declare_common_options(CommandLine& line, CommonOptions& options);

// What `cosmos help COMMAND` and `cosmos COMMAND --help` print.
[[nodiscard]] std::string help_text(const Command& command);

}  // namespace cosmos
