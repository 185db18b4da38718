// SPDX-License-Identifier: BSD-3-Clause
// Puts the frame together and sends it past the host's own network stack.
#include "net/announcement.hpp"

#include <algorithm>
#include <cerrno>
#include <span>

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sys/socket.h>

#include "core/descriptor.hpp"
#include "xcl/error.hpp"

namespace xcl::net {
namespace {

constexpr std::uint16_t ethernet = 1;      // hardware type (RFC 826)
constexpr std::uint16_t arp_request = 1;   // RFC 826
constexpr std::uint16_t rarp_request = 3;  // RFC 903
constexpr std::array<std::uint8_t, 6> everybody{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

class Frame {
  public:
    void bytes(std::span<const std::uint8_t> bytes) {
        for (const std::uint8_t byte : bytes)
            frame_.at(length_++) = std::byte{byte};
    }
    void number(std::uint16_t number) {
        bytes(
            std::array{static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)});
    }
    void address(std::uint32_t address) {
        number(static_cast<std::uint16_t>(address >> 16));
        number(static_cast<std::uint16_t>(address));
    }
    [[nodiscard]] const std::array<std::byte, announcement_bytes>& whole() const { return frame_; }

  private:
    std::array<std::byte, announcement_bytes> frame_{};
    std::size_t length_ = 0;
};

}  // namespace

std::array<std::byte, announcement_bytes> announcement(
    const MacAddress& mac, const std::optional<std::uint32_t>& address) {
    Frame frame;
    frame.bytes(everybody);
    frame.bytes(mac.bytes);
    frame.number(address ? ETHERTYPE_ARP : ETHERTYPE_REVARP);
    frame.number(ethernet);
    frame.number(ETHERTYPE_IP);
    frame.bytes(std::array<std::uint8_t, 2>{6, 4});  // bytes of each kind of address
    frame.number(address ? arp_request : rarp_request);
    for (int of_whom = 0; of_whom < 2; ++of_whom) {  // sender and target are the same
        frame.bytes(mac.bytes);
        frame.address(address.value_or(0));
    }
    return frame.whole();
}

void send_announcement(unsigned interface, const MacAddress& mac,
                       const std::optional<std::uint32_t>& address) {
    const auto fail = [](const char* call) {
        throw Error({.doing = "announce a guest", .call = call, .error = errno});
    };
    const Descriptor socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));  // 0: it only sends
    if (!socket.is_open())
        fail("socket");
    const auto frame = announcement(mac, address);
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_ifindex = static_cast<int>(interface);
    to.sll_halen = everybody.size();
    std::ranges::copy(everybody, to.sll_addr);
    if (sendto(socket.get(), frame.data(), frame.size(), 0, reinterpret_cast<const sockaddr*>(&to),
               sizeof to) < 0)
        fail("sendto");
}

}  // namespace xcl::net
