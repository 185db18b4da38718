// SPDX-License-Identifier: BSD-3-Clause
// MacAddress: the six bytes by which an Ethernet interface is known on its network.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace xcl {

struct MacAddress {
    std::array<std::uint8_t, 6> bytes{};

    // Of a group: the lowest bit of the first byte. No interface may have such an address.
    [[nodiscard]] constexpr bool is_multicast() const noexcept { return (bytes[0] & 1U) != 0; }
    [[nodiscard]] constexpr bool is_zero() const noexcept { return *this == MacAddress{}; }

    friend constexpr bool operator==(const MacAddress&, const MacAddress&) noexcept = default;
};

// "00:16:3e:00:00:01": lower case, colons.
[[nodiscard]] std::string mac_text(const MacAddress& mac);

// Reads six groups of two hexadecimal digits, of either case, with colons between them; nothing if
// `text` is anything else. Does not ask whether an interface may have the address.
[[nodiscard]] std::optional<MacAddress> parse_mac(std::string_view text);

}  // namespace xcl
