// SPDX-License-Identifier: BSD-3-Clause
// Ethernet: which frames are for this station, and whom their answers go to.
#include "ethernet.hpp"

#include <algorithm>

#include "arp.hpp"
#include "ipv4.hpp"

namespace guest {

namespace {

constexpr std::size_t header_bytes = 14;
constexpr std::size_t source_at = 6;
constexpr std::size_t type_at = 12;
constexpr std::uint16_t type_ipv4 = 0x0800;
constexpr std::uint16_t type_arp = 0x0806;

Mac mac_at(ConstBytes frame, std::size_t at) {
    Mac mac{};
    std::copy_n(frame.begin() + static_cast<std::ptrdiff_t>(at), mac.size(), mac.begin());
    return mac;
}

void address_frame(Bytes frame, const Mac& to, const Mac& from) {
    std::copy(to.begin(), to.end(), frame.begin());
    std::copy(from.begin(), from.end(), frame.begin() + source_at);
}

}  // namespace

std::size_t answer_ethernet(const Station& self, Bytes room, std::size_t bytes) {
    if (bytes < header_bytes)
        return 0;
    const Mac to = mac_at(room, 0);
    const Mac from = mac_at(room, source_at);
    // A frame with our own source is one of ours that came back, or a forged one.
    if ((to != self.mac && to != broadcast_mac) || is_group(from) || from == self.mac)
        return 0;

    const Bytes payload = room.subspan(header_bytes, bytes - header_bytes);
    std::size_t answer_bytes = 0;
    switch (load16(room, type_at)) {
        case type_arp:
            answer_bytes = answer_arp(self, payload);
            break;
        case type_ipv4:
            // RFC 1122, 3.3.6: an IPv4 broadcast is not for a single station's address.
            if (to == self.mac)
                answer_bytes = answer_ipv4(self, payload);
            break;
        default:
            break;
    }
    if (answer_bytes == 0)
        return 0;
    address_frame(room, from, self.mac);
    return header_bytes + answer_bytes;
}

bool carries_ipv4(ConstBytes frame) {
    return frame.size() >= header_bytes && load16(frame, type_at) == type_ipv4;
}

std::array<std::uint8_t, announcement_bytes> announcement(const Station& self) {
    std::array<std::uint8_t, announcement_bytes> frame{};
    address_frame(frame, broadcast_mac, self.mac);
    store16(frame, type_at, type_arp);
    announce_arp(self, Bytes{frame}.subspan(header_bytes));
    return frame;
}

}  // namespace guest
