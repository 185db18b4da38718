// SPDX-License-Identifier: BSD-3-Clause
// IPv4 (RFC 791), as a host that answers: whole packets to its own address, and nothing else.
#include "ipv4.hpp"

#include <algorithm>

#include "icmp.hpp"

namespace guest {

namespace {

constexpr std::size_t header_bytes = 20;  // without options
constexpr std::size_t length_at = 2;
constexpr std::size_t identification_at = 4;
constexpr std::size_t fragment_at = 6;
constexpr std::size_t time_to_live_at = 8;
constexpr std::size_t protocol_at = 9;
constexpr std::size_t checksum_at = 10;
constexpr std::size_t source_at = 12;
constexpr std::size_t destination_at = 16;

constexpr std::uint8_t version_and_length = 0x45;  // of a header without options
constexpr std::uint16_t dont_fragment = 0x4000;
constexpr std::uint16_t fragment_bits = 0x3fff;  // more fragments, and the offset
constexpr std::uint8_t time_to_live = 64;
constexpr std::uint8_t protocol_icmp = 1;

void write_header(Bytes packet, Ipv4Address from, Ipv4Address to) {
    packet[0] = version_and_length;
    packet[1] = 0;
    store16(packet, length_at, static_cast<std::uint16_t>(packet.size()));
    store16(packet, identification_at, 0);  // means nothing where nothing is fragmented (RFC 6864)
    store16(packet, fragment_at, dont_fragment);
    packet[time_to_live_at] = time_to_live;
    packet[protocol_at] = protocol_icmp;
    store16(packet, checksum_at, 0);
    store32(packet, source_at, from);
    store32(packet, destination_at, to);
    store16(packet, checksum_at, checksum(packet.first(header_bytes)));
}

}  // namespace

std::size_t answer_ipv4(const Station& self, Bytes packet) {
    if (packet.size() < header_bytes || packet[0] >> 4 != 4)
        return 0;
    const std::size_t with_options = std::size_t{packet[0] & 15U} * 4;
    const std::size_t length = load16(packet, length_at);
    if (with_options < header_bytes || length < with_options || length > packet.size() ||
        checksum(packet.first(with_options)) != 0)
        return 0;
    const Ipv4Address from = load32(packet, source_at);
    if ((load16(packet, fragment_at) & fragment_bits) != 0 ||
        packet[protocol_at] != protocol_icmp || load32(packet, destination_at) != self.ip.address ||
        from == self.ip.address || !is_unicast(from) || self.ip.is_broadcast(from))
        return 0;

    // Options ask for nothing that an answer must do: it goes without.
    const Bytes message = packet.subspan(with_options, length - with_options);
    const std::size_t answer_bytes = answer_icmp(message);
    if (answer_bytes == 0)
        return 0;
    std::copy_n(message.begin(), answer_bytes, packet.begin() + header_bytes);
    write_header(packet.first(header_bytes + answer_bytes), self.ip.address, from);
    return header_bytes + answer_bytes;
}

}  // namespace guest
