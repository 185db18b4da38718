// SPDX-License-Identifier: BSD-3-Clause
// The manual page, written from the table of commands.
#pragma once

#include <string>

namespace cosmos {

// In roff, for man(1).
[[nodiscard]] std::string manual_page();

}  // namespace cosmos
