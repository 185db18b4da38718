// SPDX-License-Identifier: BSD-3-Clause
// ICMP (RFC 792): echo.
#include "icmp.hpp"

namespace guest {

namespace {
constexpr std::size_t header_bytes = 8;
constexpr std::size_t checksum_at = 2;
constexpr std::uint16_t echo_request = 0x0800;  // type, code
constexpr std::uint16_t echo_reply = 0;
}  // namespace

std::size_t answer_icmp(Bytes message) {
    if (message.size() < header_bytes || load16(message, 0) != echo_request ||
        checksum(message) != 0)
        return 0;
    store16(message, 0, echo_reply);
    store16(message, checksum_at, 0);
    store16(message, checksum_at, checksum(message));
    return message.size();
}

}  // namespace guest
