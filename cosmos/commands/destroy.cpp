// SPDX-License-Identifier: BSD-3-Clause
// destroy: ends guests at once.
#include "commands.hpp"
#include "guests.hpp"

namespace cosmos {

Action declare_destroy(CLI::App& app) {
    const auto arguments = std::make_shared<GuestArguments>();
    declare_guests(app, *arguments);
    return [arguments](Context& context) {
        context.toolstack().destroy(resolve(context, *arguments));
        return code(Status::done);
    };
}

}  // namespace cosmos
