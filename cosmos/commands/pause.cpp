// SPDX-License-Identifier: BSD-3-Clause
// pause and unpause: hold guests still, and let them go on.
#include "commands.hpp"
#include "guests.hpp"

namespace cosmos {

Action declare_pause(CLI::App& app) {
    const auto arguments = std::make_shared<GuestArguments>();
    declare_guests(app, *arguments);
    return [arguments](Context& context) {
        context.toolstack().pause(resolve(context, *arguments));
        return code(Status::done);
    };
}

Action declare_unpause(CLI::App& app) {
    const auto arguments = std::make_shared<GuestArguments>();
    declare_guests(app, *arguments);
    return [arguments](Context& context) {
        context.toolstack().unpause(resolve(context, *arguments));
        return code(Status::done);
    };
}

}  // namespace cosmos
