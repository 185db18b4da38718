// SPDX-License-Identifier: BSD-3-Clause
// The frame by which a host says where a guest is, byte by byte.
#include "net/announcement.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace xcl::net {
namespace {

constexpr MacAddress mac{.bytes = {0x00, 0x16, 0x3e, 0x01, 0x02, 0x03}};

std::vector<unsigned> bytes_of(const std::optional<std::uint32_t>& address) {
    std::vector<unsigned> bytes;
    for (const std::byte byte : announcement(mac, address))
        bytes.push_back(std::to_integer<unsigned>(byte));
    return bytes;
}

TEST(Announcement, WithAnAddressIsAGratuitousArp) {
    std::vector<unsigned> expected{
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff,                     // to all
        0x00, 0x16, 0x3e, 0x01, 0x02, 0x03, 0x08, 0x06,         // from the guest, ARP
        0x00, 0x01, 0x08, 0x00, 6,    4,    0x00, 0x01,         // Ethernet and IPv4, a request
        0x00, 0x16, 0x3e, 0x01, 0x02, 0x03, 10,   0,    0, 9,   // the sender
        0x00, 0x16, 0x3e, 0x01, 0x02, 0x03, 10,   0,    0, 9};  // the target: the same
    expected.resize(announcement_bytes);
    EXPECT_EQ(bytes_of(0x0A000009), expected);
}

TEST(Announcement, WithoutOneIsAReverseArpThatSwitchesLearnFrom) {
    const std::vector<unsigned> bytes = bytes_of(std::nullopt);
    EXPECT_EQ(std::vector(bytes.begin() + 12, bytes.begin() + 14),
              (std::vector<unsigned>{0x80, 0x35}));
    EXPECT_EQ(std::vector(bytes.begin() + 20, bytes.begin() + 22),
              (std::vector<unsigned>{0x00, 0x03}));
    EXPECT_EQ(std::vector(bytes.begin() + 28, bytes.begin() + 32), std::vector<unsigned>(4, 0));
}

}  // namespace
}  // namespace xcl::net
