// SPDX-License-Identifier: BSD-3-Clause
// The frame by which a host says for a guest where that is.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "xcl/mac_address.hpp"

namespace xcl::net {

inline constexpr std::size_t announcement_bytes = 60;  // the shortest frame of Ethernet

// With an address (in host byte order) a gratuitous ARP (RFC 5944, section 4.6), else a reverse ARP
// (RFC 903), which no host takes note of and every switch does.
[[nodiscard]] std::array<std::byte, announcement_bytes> announcement(
    const MacAddress& mac, const std::optional<std::uint32_t>& address);

// Sends it from the interface of that index, to all. Throws Error.
void send_announcement(unsigned interface, const MacAddress& mac,
                       const std::optional<std::uint32_t>& address);

}  // namespace xcl::net
