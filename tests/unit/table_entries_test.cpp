// SPDX-License-Identifier: BSD-3-Clause
// Page tables and frame maps: frames are exchanged for PFNs, and what is not the guest's is told.
#include "xen/table_entries.hpp"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "failure_of.hpp"
#include "xen/frame_map.hpp"

namespace xcl::test {
namespace {

using namespace xen;

using Table = std::array<table::Entry, table::entries>;

std::optional<std::uint64_t> exchange(PageType type, const Table& from, Table& to,
                                      const FrameMap& map) {
    return exchange_frames(type, std::as_bytes(std::span(from)).data(),
                           std::as_writable_bytes(std::span(to)).data(),
                           [&](std::uint64_t frame) { return map.pfn_of(frame); });
}

constexpr table::Entry no_execute = table::Entry{1} << 63;

TEST(TableEntries, FrameOfAPresentEntryIsExchangedAndItsFlagsStay) {
    const FrameMap map(std::array<std::uint64_t, 3>{0x1000, no_frame, 0xFFFFFFFFFF});
    Table from{};
    from[0] = 0x1000ULL << 12 | 0x67;
    from[511] = 0xFFFFFFFFFFULL << 12 | no_execute | 0xE3;
    Table to{};
    to.fill(0xAA);
    EXPECT_FALSE(exchange(PageType::l1_table, from, to, map));
    EXPECT_EQ(to[0], 0ULL << 12 | 0x67);
    EXPECT_EQ(to[511], 2ULL << 12 | no_execute | 0xE3);
    EXPECT_EQ(to[1], 0U);
}

TEST(TableEntries, EntryThatIsNotPresentStaysAsItIs) {
    Table from{};
    from[3] = 0x123456789ABCDEF0;
    Table to{};
    EXPECT_FALSE(exchange(PageType::l1_table, from, to, FrameMap()));
    EXPECT_EQ(to, from);
}

TEST(TableEntries, FrameOfOthersIsTold) {
    Table from{};
    from[7] = 0x4711ULL << 12 | 1;
    Table to{};
    const FrameMap map(std::array<std::uint64_t, 1>{0x4710});
    EXPECT_EQ(exchange(PageType::l2_table, from, to, map), 0x4711U);
}

TEST(TableEntries, SlotsOfXenAreLeftOutOfLevelFourOnly) {
    Table from{};
    from[255] = from[256] = from[271] = from[272] = 0x10ULL << 12 | 1;
    Table to{};
    const FrameMap map(std::array<std::uint64_t, 1>{0x10});
    EXPECT_FALSE(exchange(PageType::l4_table, from, to, map));
    EXPECT_EQ(to[255], 1U);
    EXPECT_EQ(to[256], 0U);
    EXPECT_EQ(to[271], 0U);
    EXPECT_EQ(to[272], 1U);
    EXPECT_FALSE(exchange(PageType::l3_table, from, to, map));
    EXPECT_EQ(to[256], 1U);
}

TEST(FrameMap, FindsEachPageAndNothingElse) {
    const std::array<std::uint64_t, 6> frames{20, 21, no_frame, 22, 5, 4};
    const FrameMap map(frames);
    for (std::uint64_t pfn = 0; pfn < frames.size(); ++pfn)
        if (frames[pfn] != no_frame) {
            EXPECT_EQ(map.pfn_of(frames[pfn]), pfn);
        }
    for (const std::uint64_t frame : {std::uint64_t{0}, std::uint64_t{3}, std::uint64_t{6},
                                      std::uint64_t{19}, std::uint64_t{23}, no_frame})
        EXPECT_EQ(map.pfn_of(frame), std::nullopt);
}

TEST(FrameMap, FrameThatTwoPagesHaveIsNoticed) {
    EXPECT_EQ(FrameMap(std::array<std::uint64_t, 3>{7, 8, 7}).shared_page(), 2U);
    EXPECT_EQ(FrameMap(std::array<std::uint64_t, 5>{7, 8, 9, 4, 8}).shared_page(), 4U);
    EXPECT_EQ(FrameMap(std::array<std::uint64_t, 4>{7, no_frame, 9, no_frame}).shared_page(),
              std::nullopt);
}

}  // namespace
}  // namespace xcl::test
