// SPDX-License-Identifier: BSD-3-Clause
// version: which cosmos this is.
#include <fmt/format.h>

#include "commands.hpp"
#include "output.hpp"

namespace cosmos {

Action declare_version(CommandLine&) {
    return [](Context& context) {
        if (context.json())
            print_json({{"version", COSMOS_VERSION}});
        else
            fmt::print("cosmos {}\n", COSMOS_VERSION);
        return code(Status::done);
    };
}

}  // namespace cosmos
