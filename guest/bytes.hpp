// SPDX-License-Identifier: BSD-3-Clause
// Numbers in network order, and the checksum of IPv4 and ICMP. Whoever calls has looked at the
// size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace guest {

using Bytes = std::span<std::uint8_t>;
using ConstBytes = std::span<const std::uint8_t>;

[[nodiscard]] constexpr std::uint16_t load16(ConstBytes from, std::size_t at) {
    return static_cast<std::uint16_t>(from[at] << 8 | from[at + 1]);
}

[[nodiscard]] constexpr std::uint32_t load32(ConstBytes from, std::size_t at) {
    return std::uint32_t{load16(from, at)} << 16 | load16(from, at + 2);
}

constexpr void store16(Bytes into, std::size_t at, std::uint16_t value) {
    into[at] = static_cast<std::uint8_t>(value >> 8);
    into[at + 1] = static_cast<std::uint8_t>(value);
}

constexpr void store32(Bytes into, std::size_t at, std::uint32_t value) {
    store16(into, at, static_cast<std::uint16_t>(value >> 16));
    store16(into, at + 2, static_cast<std::uint16_t>(value));
}

// The ones' complement sum of RFC 1071: what belongs into a field that holds 0; and 0 where the
// field holds what it should.
[[nodiscard]] constexpr std::uint16_t checksum(ConstBytes of) {
    std::uint64_t sum = 0;
    std::size_t at = 0;
    for (; at + 1 < of.size(); at += 2)
        sum += load16(of, at);
    if (at < of.size())
        sum += std::uint64_t{of[at]} << 8;
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}

}  // namespace guest
