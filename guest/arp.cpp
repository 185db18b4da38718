// SPDX-License-Identifier: BSD-3-Clause
// ARP (RFC 826): tells who asks which station has our IPv4 address.
#include "arp.hpp"

#include <algorithm>

namespace guest {

namespace {

constexpr std::size_t packet_bytes = 28;
constexpr std::uint32_t ethernet_ipv4 = 0x00010800;  // hardware type, protocol type
constexpr std::uint16_t lengths = 0x0604;            // of their addresses
constexpr std::size_t lengths_at = 4;
constexpr std::size_t operation_at = 6;
constexpr std::size_t sender_at = 8;  // a MAC, an IPv4 address
constexpr std::size_t target_at = 18;
constexpr std::size_t address_after_mac = 6;
constexpr std::uint16_t request = 1;
constexpr std::uint16_t reply = 2;

void store_sender(const Station& self, Bytes packet) {
    std::copy(self.mac.begin(), self.mac.end(), packet.begin() + sender_at);
    store32(packet, sender_at + address_after_mac, self.ip.address);
}

}  // namespace

std::size_t answer_arp(const Station& self, Bytes packet) {
    if (packet.size() < packet_bytes || load32(packet, 0) != ethernet_ipv4 ||
        load16(packet, lengths_at) != lengths || load16(packet, operation_at) != request ||
        load32(packet, target_at + address_after_mac) != self.ip.address)
        return 0;
    // Sender 0: a probe by someone who would like the address. Sender with ours: a rival, whom a
    // reply would not help.
    const std::uint32_t sender = load32(packet, sender_at + address_after_mac);
    if (sender == self.ip.address || (sender != 0 && !is_unicast(sender)))
        return 0;
    store16(packet, operation_at, reply);
    std::copy_n(packet.begin() + sender_at, target_at - sender_at, packet.begin() + target_at);
    store_sender(self, packet);
    return packet_bytes;
}

void announce_arp(const Station& self, Bytes packet) {
    store32(packet, 0, ethernet_ipv4);
    store16(packet, lengths_at, lengths);
    store16(packet, operation_at, request);
    store_sender(self, packet);
    store32(packet, target_at + address_after_mac, self.ip.address);
}

}  // namespace guest
