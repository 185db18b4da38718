// SPDX-License-Identifier: BSD-3-Clause
// pause and unpause: hold guests still, and let them go on.
#include "commands.hpp"
#include "guests.hpp"

namespace cosmos {

Action declare_pause(CommandLine& line) {
    const auto arguments = std::make_shared<GuestArguments>();
    declare_guests(line, *arguments);
    return [arguments](Context& context) {
        const std::vector<xcl::DomainId> ids = resolve(context, *arguments);
        context.toolstack().pause(ids);
        return code(Status::done);
    };
}

Action declare_unpause(CommandLine& line) {
    const auto arguments = std::make_shared<GuestArguments>();
    declare_guests(line, *arguments);
    return [arguments](Context& context) {
        const std::vector<xcl::DomainId> ids = resolve(context, *arguments);
        context.toolstack().unpause(ids);
        return code(Status::done);
    };
}

}  // namespace cosmos
