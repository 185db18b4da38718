// SPDX-License-Identifier: BSD-3-Clause
// The command line that the toolstack gave: words of the form KEY=VALUE.
#pragma once

#include <cstdint>
#include <string_view>

#include "xen.hpp"

namespace guest {

[[nodiscard]] std::string_view command_line(const start_info& boot);

// The value of the first KEY=VALUE, empty if there is none.
[[nodiscard]] std::string_view option(std::string_view line, std::string_view key);

// 0 for what is no number from 1 to `most`.
[[nodiscard]] std::uint64_t number_up_to(std::uint64_t most, std::string_view digits);

}  // namespace guest
