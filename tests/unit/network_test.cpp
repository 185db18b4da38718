// SPDX-License-Identifier: BSD-3-Clause
// Addresses and interface names, to and from text.
#include "xcl/network.hpp"

#include <gtest/gtest.h>

namespace xcl {
namespace {

TEST(Ipv4, TextComesBack) {
    for (const char* const text : {"0.0.0.0/0", "10.0.0.1/22", "255.255.255.255/32"}) {
        const auto parsed = parse_ipv4(text);
        ASSERT_TRUE(parsed) << text;
        EXPECT_EQ(ipv4_text(*parsed), text);
    }
    EXPECT_EQ(parse_ipv4("10.1.2.3/8"), (Ipv4Interface{.address = 0x0A010203, .prefix = 8}));
}

TEST(Ipv4, AddressWithoutPrefixIsOfOneHost) {
    EXPECT_EQ(parse_ipv4("192.168.0.255"), (Ipv4Interface{.address = 0xC0A800FF, .prefix = 32}));
}

TEST(Ipv4, AnythingElseIsRefused) {
    for (const char* const text : {"",
                                   "10",
                                   "10.0.0",
                                   "10.0.0.",
                                   "10.0.0.1.",
                                   "10.0.0.1/",
                                   "10.0.0.1/33",
                                   "10.0.0.1/-1",
                                   "10.0.0.256",
                                   "10.0.0.01",
                                   "10.0.0.1/08",
                                   "10..0.1",
                                   " 10.0.0.1",
                                   "10.0.0.1 ",
                                   "10.0.0.1/24x",
                                   "10.0.0.1/24/24",
                                   "a.b.c.d",
                                   "+1.0.0.0",
                                   "99999999999.0.0.0",
                                   "::1"})
        EXPECT_FALSE(parse_ipv4(text)) << text;
}

TEST(InterfaceName, LeadsToItsVifAndBack) {
    for (const VifId& vif : {VifId{DomainId(0), 0}, VifId{DomainId(5), 7},
                             VifId{DomainId(DomainId::first_reserved - 1), 65535}})
        EXPECT_EQ(vif_of_interface(interface_name(vif)), vif);
    EXPECT_EQ(interface_name({DomainId(12), 3}), "vif12.3");
}

TEST(InterfaceName, OthersBelongToNoVif) {
    for (const char* const name :
         {"", "vif", "vif5", "vif5.", "vif.0", "vif5.0x", "vif5.0-emu", "vif5.0.1", "vif05.0",
          "vif5.00", "vif32752.0", "vif5.65536", "eth0", "xvif5.0", "VIF5.0", "vif-5.0"})
        EXPECT_FALSE(vif_of_interface(name)) << name;
}

}  // namespace
}  // namespace xcl
