// SPDX-License-Identifier: BSD-3-Clause
// The command line that the toolstack gave: words of the form KEY=VALUE.
#pragma once

#include <string_view>

#include "xen.hpp"

namespace guest {

[[nodiscard]] std::string_view command_line(const start_info& boot);

// The value of the first KEY=VALUE, empty if there is none.
[[nodiscard]] std::string_view option(std::string_view line, std::string_view key);

}  // namespace guest
