// SPDX-License-Identifier: BSD-3-Clause
// Writes and reads a MacAddress.
#include "xcl/mac_address.hpp"

#include <charconv>

#include <fmt/format.h>

namespace xcl {

std::string mac_text(const MacAddress& mac) {
    return fmt::format("{:02x}", fmt::join(mac.bytes, ":"));
}

std::optional<MacAddress> parse_mac(std::string_view text) {
    constexpr std::size_t group = 3;  // two digits and a colon, which the last group lacks
    MacAddress mac;
    if (text.size() != group * mac.bytes.size() - 1)
        return std::nullopt;
    for (std::size_t i = 0; i < mac.bytes.size(); ++i) {
        const char* const digits = text.data() + i * group;
        const auto [end, error] = std::from_chars(digits, digits + 2, mac.bytes[i], 16);
        const bool last = i + 1 == mac.bytes.size();
        if (error != std::errc{} || end != digits + 2 || (!last && *end != ':'))
            return std::nullopt;
    }
    return mac;
}

}  // namespace xcl
