// SPDX-License-Identifier: BSD-3-Clause
// destroy: ends guests at once.
#include "commands.hpp"
#include "guests.hpp"

namespace cosmos {

Action declare_destroy(CommandLine& line) {
    const auto arguments = std::make_shared<GuestArguments>();
    declare_guests(line, *arguments);
    return [arguments](Context& context) {
        const std::vector<xcl::DomainId> ids = resolve(context, *arguments);
        context.toolstack().destroy(ids);
        return code(Status::done);
    };
}

}  // namespace cosmos
