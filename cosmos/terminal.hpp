// SPDX-License-Identifier: BSD-3-Clause
// The terminal: carrying bytes between the user's and a guest's, raw.
#pragma once

#include <functional>
#include <string>

namespace cosmos {

enum class ConsoleEnd {
    left,    // the user typed Ctrl-]
    closed,  // the guest ended, or xenconsoled closed its side
};

// Connects stdin and stdout with the terminal at `path`. `has_ended` is asked after each second of
// silence whether nothing more will come. Throws xcl::Error if the terminal cannot be opened.
[[nodiscard]] ConsoleEnd relay_console(const std::string& path,
                                       const std::function<bool()>& has_ended);

}  // namespace cosmos
