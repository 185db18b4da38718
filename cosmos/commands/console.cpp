// SPDX-License-Identifier: BSD-3-Clause
// console: connects the terminal to a guest's.
#include <fmt/format.h>
#include <unistd.h>

#include "commands.hpp"
#include "guests.hpp"
#include "terminal.hpp"

namespace cosmos {
namespace {

// xenconsoled offers a new guest's terminal within milliseconds; a loaded host takes longer.
constexpr std::chrono::seconds patience{10};

int console(Context& context, const GuestArguments& arguments) {
    const xcl::DomainId id = resolve_one(context, arguments);
    const std::string path = context.toolstack().console_path(id, patience);
    if (isatty(STDIN_FILENO) == 1)
        fmt::print(stderr, "Connected to domain {}; Ctrl-] leaves.\n", id.value());
    const ConsoleEnd end = relay_console(path);
    if (isatty(STDIN_FILENO) == 1)
        fmt::print(stderr, "\n{}\n",
                   end == ConsoleEnd::left ? "Left the console." : "The console was closed.");
    return code(Status::done);
}

}  // namespace

Action declare_console(CommandLine& line) {
    const auto arguments = std::make_shared<GuestArguments>();
    declare_guest(line, *arguments);
    return [arguments](Context& context) { return console(context, *arguments); };
}

}  // namespace cosmos
