// SPDX-License-Identifier: BSD-3-Clause
// MacAddress: its text and back.
#include "xcl/mac_address.hpp"

#include <string_view>

#include <gtest/gtest.h>

namespace xcl {
namespace {

TEST(MacAddress, ReadsBothCasesAndWritesTheLowerOne) {
    const auto mac = parse_mac("00:16:3E:aB:0f:Ff");
    ASSERT_TRUE(mac);
    EXPECT_EQ(*mac, (MacAddress{{0x00, 0x16, 0x3E, 0xAB, 0x0F, 0xFF}}));
    EXPECT_EQ(mac_text(*mac), "00:16:3e:ab:0f:ff");
    EXPECT_EQ(mac_text({}), "00:00:00:00:00:00");
}

TEST(MacAddress, ReadsNothingElse) {
    for (const std::string_view text :
         {"", ":", "00:16:3e:00:00", "00:16:3e:00:00:", "00:16:3e:00:00:1", "00:16:3e:00:00:01:02",
          "00:16:3e:00:00:01 ", "00-16-3e-00-00-01", "0:16:3e:00:00:001", "00:16:3e:00:00:0g",
          "00:16:3e:00:00:0x", "00:16:3e:00:+1:00", "00:16:3e:00:-1:00", "0016:3e:00:00:01:"})
        EXPECT_FALSE(parse_mac(text)) << text;
}

TEST(MacAddress, KnowsGroupsAndZero) {
    EXPECT_TRUE((MacAddress{{0x01, 0, 0x5E, 0, 0, 1}}).is_multicast());
    EXPECT_TRUE((MacAddress{{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}}).is_multicast());
    EXPECT_FALSE((MacAddress{{0x02, 0, 0, 0, 0, 1}}).is_multicast());
    EXPECT_TRUE(MacAddress{}.is_zero());
    EXPECT_FALSE((MacAddress{{0, 0, 0, 0, 0, 1}}).is_zero());
}

}  // namespace
}  // namespace xcl
