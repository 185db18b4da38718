// SPDX-License-Identifier: BSD-3-Clause
// The command line that the toolstack gave: words of the form KEY=VALUE.
#include "command_line.hpp"

namespace guest {

std::string_view command_line(const start_info& boot) {
    const std::string_view whole{reinterpret_cast<const char*>(boot.cmd_line),
                                 sizeof boot.cmd_line};
    return whole.substr(0, whole.find('\0'));
}

std::string_view option(std::string_view line, std::string_view key) {
    while (!line.empty()) {
        const std::string_view word = line.substr(0, line.find(' '));
        line.remove_prefix(word.size() < line.size() ? word.size() + 1 : word.size());
        if (word.size() > key.size() && word.starts_with(key) && word[key.size()] == '=')
            return word.substr(key.size() + 1);
    }
    return {};
}

std::uint64_t number_up_to(std::uint64_t most, std::string_view digits) {
    std::uint64_t number = 0;
    for (const char digit : digits) {
        if (digit < '0' || digit > '9' || number > most)
            return 0;
        number = number * 10 + static_cast<std::uint64_t>(digit - '0');
    }
    return number <= most ? number : 0;
}

}  // namespace guest
