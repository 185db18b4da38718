// SPDX-License-Identifier: BSD-3-Clause
// Ethernet: which frames are for this station, and whom their answers go to. Pure: bytes in, bytes
// out.
#pragma once

#include "address.hpp"
#include "bytes.hpp"

namespace guest {

// Who answers.
struct Station {
    Mac mac{};
    Ipv4Interface ip;
};

// Makes the answer to the frame in the first `bytes` of `room` in its place. Returns the bytes of
// the answer, never more than the frame had; 0 for none.
[[nodiscard]] std::size_t answer_ethernet(const Station& self, Bytes room, std::size_t bytes);

// Whether a frame, or what was made of one, carries IPv4.
[[nodiscard]] bool carries_ipv4(ConstBytes frame);

inline constexpr std::size_t announcement_bytes = 42;

// A frame that tells everybody, unasked, which station has the address (gratuitous ARP).
[[nodiscard]] std::array<std::uint8_t, announcement_bytes> announcement(const Station& self);

}  // namespace guest
