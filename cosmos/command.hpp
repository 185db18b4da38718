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
    std::string_view name;
    std::string_view summary;      // one line, lower case, no full stop
    std::string_view description;  // for help and manual: whole sentences
    std::vector<std::string_view> examples;
    // Declares what the command takes; the variables live as long as the Action.
    Action (*declare)(CommandLine& line);
};

// Every command, in the order in which help lists them.
[[nodiscard]] std::span<const Command> commands();

// Nothing when there is no command of this name.
[[nodiscard]] const Command* find_command(std::string_view name);

// The options that every command takes.
void declare_common_options(CommandLine& line, CommonOptions& options);

// What `cosmos help COMMAND` and `cosmos COMMAND --help` print.
[[nodiscard]] std::string help_text(const Command& command);

}  // namespace cosmos
