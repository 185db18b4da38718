// SPDX-License-Identifier: BSD-3-Clause
// The terminal: carrying bytes between the user's and a guest's, raw.
#pragma once

#include <string>

namespace cosmos {

enum class ConsoleEnd {
    left,    // the user typed Ctrl-]
    closed,  // the guest, or xenconsoled, closed its side
};

// Connects stdin and stdout with the terminal at `path`. Throws xcl::Error if it cannot be opened.
[[nodiscard]] ConsoleEnd relay_console(const std::string& path);

}  // namespace cosmos
