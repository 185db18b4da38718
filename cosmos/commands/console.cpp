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

// xenconsoled keeps the terminal of a guest that ended until it is destroyed; nothing more comes.
bool has_ended(Context& context, xcl::DomainId id) {
    try {
        const xcl::DomainState state = context.toolstack().info(id).domain.state;
        return state == xcl::DomainState::shutdown || state == xcl::DomainState::dying;
    } catch (const xcl::Error& error) {
        if (error.kind() != xcl::ErrorKind::no_such_guest)
            throw;
        return true;
    }
}

int console(Context& context, const GuestArguments& arguments) {
    const xcl::DomainId id = resolve_one(context, arguments);
    const std::string path = context.toolstack().console_path(id, patience);
    if (isatty(STDIN_FILENO) == 1)
        fmt::print(stderr, "Connected to domain {}; Ctrl-] leaves.\n", id.value());
    const ConsoleEnd end = relay_console(path, [&] { return has_ended(context, id); });
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
