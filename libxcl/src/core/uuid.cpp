// SPDX-License-Identifier: BSD-3-Clause
// Writes and reads a Uuid.
#include "xcl/uuid.hpp"

#include <charconv>

#include <fmt/format.h>

namespace xcl {

std::string uuid_text(const Uuid& uuid) {
    std::string text;
    for (std::size_t i = 0; i < uuid.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            text += '-';
        text += fmt::format("{:02x}", uuid[i]);
    }
    return text;
}

std::optional<Uuid> parse_uuid(std::string_view text) {
    Uuid uuid{};
    std::string digits;
    for (const char c : text)
        if (c != '-')
            digits += c;
    if (digits.size() != 2 * uuid.size())
        return std::nullopt;
    for (std::size_t i = 0; i < uuid.size(); ++i) {
        const char* const first = digits.data() + 2 * i;
        if (std::from_chars(first, first + 2, uuid[i], 16).ptr != first + 2)
            return std::nullopt;
    }
    return uuid_text(uuid) == text ? std::optional(uuid) : std::nullopt;
}

}  // namespace xcl
