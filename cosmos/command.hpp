// SPDX-License-Identifier: BSD-3-Clause
// Command: one entry of the table from which dispatch, help, completion and manual come.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "context.hpp"

namespace cosmos {

// What runs once the words of the command line are understood. Returns the exit status.
using Action = std::function<int(Context&)>;

struct Command {
    std::string_view name;
    std::string_view summary;      // one line, lower case, no full stop
    std::string_view description;  // for help and manual: whole sentences
    std::vector<std::string_view> examples;
    // Declares the options and arguments on `app`; they live as long as the Action.
    Action (*declare)(CLI::App& app);
};

// Every command, in the order in which help lists them.
[[nodiscard]] std::span<const Command> commands();

// Nothing when there is no command of this name.
[[nodiscard]] const Command* find_command(std::string_view name);

// The options that every command takes.
void declare_common_options(CLI::App& app, CommonOptions& options);

// A parser for one command, with the common options. The Action it returns uses what is parsed.
Action declare(const Command& command, CLI::App& app, CommonOptions& options);

}  // namespace cosmos
