// SPDX-License-Identifier: BSD-3-Clause
// Addresses, read from text and written to it.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "text.hpp"

namespace guest {

using Mac = std::array<std::uint8_t, 6>;

inline constexpr Mac broadcast_mac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

// A bit of the first byte tells a group from a single station.
[[nodiscard]] constexpr bool is_group(const Mac& mac) {
    return (mac[0] & 1) != 0;
}

using Ipv4Address = std::uint32_t;

// An address in its network.
struct Ipv4Interface {
    Ipv4Address address = 0;
    unsigned prefix_bits = 32;  // 32: the network is not known

    // All ones behind the prefix: everybody there. (Networks of two have no such address.)
    [[nodiscard]] constexpr bool is_broadcast(Ipv4Address other) const {
        const Ipv4Address host_bits = prefix_bits >= 31 ? 0 : 0xffffffffU >> prefix_bits;
        return host_bits != 0 && other == (address | host_bits);
    }
};

// What one station can have: not this network, not loopback, not multicast and beyond.
[[nodiscard]] constexpr bool is_unicast(Ipv4Address address) {
    const unsigned first = address >> 24;
    return first != 0 && first != 127 && first < 224;
}

// Six pairs of hexadecimal digits between colons; nothing for a group's address.
[[nodiscard]] std::optional<Mac> parse_mac(std::string_view text);

// A.B.C.D or A.B.C.D/BITS; nothing for what one station cannot have.
[[nodiscard]] std::optional<Ipv4Interface> parse_ipv4(std::string_view text);

void add_mac(Text& text, const Mac& mac);
void add_ipv4(Text& text, const Ipv4Interface& interface);

}  // namespace guest
