// SPDX-License-Identifier: BSD-3-Clause
// The label: 16 bytes that come back as they were meant, and that no other toolstack makes.
#include "record/label.hpp"

#include <random>

#include <gtest/gtest.h>

#include "fakes.hpp"
#include "xcl/uuid.hpp"

namespace xcl {
namespace {

Uuid random_bytes(unsigned seed) {
    std::mt19937 random(seed);
    Uuid uuid{};
    for (std::uint8_t& byte : uuid)
        byte = static_cast<std::uint8_t>(random());
    return uuid;
}

TEST(Label, MakerOfAnUnfinishedGuestComesBack) {
    for (const ProcessStamp& maker :
         {ProcessStamp{1, 2, 3}, ProcessStamp{0xFFFFFFFF, 0xFFFFFFFF, 0xFFFF}, ProcessStamp{},
          ProcessStamp{0x01020304, 0x05060708, 0x090A},
          ProcessStamp{4194304, 0x80000000, 0xFFFC}}) {
        const auto label = read_label(unfinished_label(maker));
        ASSERT_TRUE(label);
        EXPECT_EQ(label->maker, maker);
    }
}

TEST(Label, WholeGuestHasNoMakerAndKeepsBothActions) {
    for (const EndAction poweroff : {EndAction::destroy, EndAction::preserve}) {
        for (const EndAction crash : {EndAction::destroy, EndAction::preserve}) {
            GuestConfig config;
            config.on_poweroff = poweroff;
            config.on_crash = crash;
            for (unsigned seed = 0; seed < 100; ++seed) {
                const auto label = read_label(whole_label(config, random_bytes(seed)));
                ASSERT_TRUE(label);
                EXPECT_FALSE(label->maker);
                EXPECT_EQ(label->on_poweroff, poweroff);
                EXPECT_EQ(label->on_crash, crash);
            }
        }
    }
}

TEST(Label, VifsAndScriptsComeBack) {
    for (unsigned seed = 0; seed < 100; ++seed) {
        GuestConfig config;
        EXPECT_FALSE(read_label(whole_label(config, random_bytes(seed)))->has_vifs);
        config.vifs.emplace_back();
        const auto plugged = read_label(whole_label(config, random_bytes(seed)));
        EXPECT_TRUE(plugged->has_vifs);
        EXPECT_FALSE(plugged->has_scripts);
        config.vifs.emplace_back().script = "vif-bridge";
        const auto scripted = read_label(whole_label(config, random_bytes(seed)));
        EXPECT_TRUE(scripted->has_vifs);
        EXPECT_TRUE(scripted->has_scripts);
    }
}

TEST(Label, VifAttachedLaterChangesNothingElse) {
    GuestConfig config;
    config.on_crash = EndAction::preserve;
    const Uuid before = whole_label(config, random_bytes(5));
    const Uuid plugged = label_with_vif(before, false);
    const Uuid scripted = label_with_vif(plugged, true);
    EXPECT_TRUE(read_label(plugged)->has_vifs);
    EXPECT_FALSE(read_label(plugged)->has_scripts);
    EXPECT_TRUE(read_label(scripted)->has_scripts);
    EXPECT_EQ(label_with_vif(scripted, false), scripted);
    EXPECT_EQ(read_label(scripted)->on_crash, EndAction::preserve);
    EXPECT_EQ(read_label(scripted)->on_poweroff, EndAction::destroy);
    EXPECT_FALSE(read_label(scripted)->maker);
}

TEST(Label, UnfinishedGuestMayHaveVifsAndScripts) {
    const auto label = read_label(unfinished_label({1, 2, 3}));
    EXPECT_TRUE(label->has_vifs);
    EXPECT_TRUE(label->has_scripts);
}

TEST(Label, RandomBytesMakeWholeGuestsDifferent) {
    EXPECT_NE(whole_label({}, random_bytes(1)), whole_label({}, random_bytes(2)));
}

TEST(Label, IsAUuidOfVersion8) {
    for (const Uuid& uuid :
         {whole_label({}, random_bytes(3)), unfinished_label({0xFFFFFFFF, 0xFFFFFFFF, 0xFFFF})}) {
        EXPECT_EQ(uuid[6] >> 4, 8);
        EXPECT_EQ(uuid[8] >> 6, 2);
    }
}

TEST(Label, UuidsOfOthersAreNoLabels) {
    EXPECT_FALSE(read_label(Uuid{}));
    for (unsigned seed = 0; seed < 1000; ++seed) {
        Uuid uuid = random_bytes(seed);
        uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0F) | 0x40);  // version 4, libxl's
        EXPECT_FALSE(read_label(uuid));
    }
}

TEST(Label, EveryByteOfItsSignatureCounts) {
    const Uuid whole = whole_label({}, random_bytes(4));
    for (const auto& [index, mask] :
         {std::pair(0U, 0x01), std::pair(1U, 0x01), std::pair(2U, 0x80), std::pair(3U, 0x10),
          std::pair(6U, 0x40), std::pair(8U, 0x40)}) {
        Uuid changed = whole;
        changed[index] = static_cast<std::uint8_t>(changed[index] ^ mask);
        EXPECT_FALSE(read_label(changed)) << "byte " << index;
    }
}

TEST(Label, CrashAndWatchdogFollowOnCrashAllOtherEndsOnPoweroff) {
    const Label crash{
        .maker = {}, .on_poweroff = EndAction::destroy, .on_crash = EndAction::preserve};
    const Label off{
        .maker = {}, .on_poweroff = EndAction::preserve, .on_crash = EndAction::destroy};
    for (const ShutdownReason reason : {ShutdownReason::crash, ShutdownReason::watchdog}) {
        EXPECT_EQ(action_after(crash, reason), EndAction::preserve);
        EXPECT_EQ(action_after(off, reason), EndAction::destroy);
    }
    for (const ShutdownReason reason :
         {ShutdownReason::poweroff, ShutdownReason::reboot, ShutdownReason::soft_reset}) {
        EXPECT_EQ(action_after(crash, reason), EndAction::destroy);
        EXPECT_EQ(action_after(off, reason), EndAction::preserve);
    }
}

TEST(Label, SuspendedGuestIsAlwaysPreserved) {
    EXPECT_EQ(action_after({}, ShutdownReason::suspend), EndAction::preserve);
}

TEST(Label, UuidTextGroupsEightFourFourFourTwelve) {
    Uuid uuid{};
    for (std::size_t i = 0; i < uuid.size(); ++i)
        uuid[i] = static_cast<std::uint8_t>(0xF0 - 15 * i);
    EXPECT_EQ(uuid_text(uuid), "f0e1d2c3-b4a5-9687-7869-5a4b3c2d1e0f");
}

TEST(Label, DoubtIsAFlagThatComesAndGoes) {
    Uuid random{};
    random.fill(0xA5);
    const Uuid whole = whole_label(test::guest_with_vif(), random);
    const Uuid marked = label_in_doubt(whole);
    EXPECT_TRUE(read_label(marked)->in_doubt);
    EXPECT_FALSE(read_label(marked)->foreign);
    EXPECT_TRUE(read_label(marked)->has_vifs);
    EXPECT_FALSE(read_label(whole)->in_doubt);
    EXPECT_EQ(label_settled(marked), whole);
    EXPECT_FALSE(read_label(unfinished_label({.pid = 0xFFFFFFFF}))->in_doubt);
}

TEST(Label, OfAnotherToolstackIsMarkedAsSuch) {
    Uuid theirs{};
    theirs.fill(0x42);
    EXPECT_FALSE(read_label(theirs));
    const Uuid marked = label_in_doubt(theirs);
    EXPECT_TRUE(read_label(marked)->in_doubt);
    EXPECT_TRUE(read_label(marked)->foreign);
}

TEST(Label, TokenIsTheSameWhateverTheFlags) {
    Uuid random{};
    random.fill(0x5A);
    const Uuid token = token_of(whole_label(test::small_guest(), random));
    for (const Uuid& uuid : {random, whole_label(test::guest_with_script(), random), token,
                             label_in_doubt(whole_label(test::guest_with_vif(), random)),
                             whole_label(test::small_guest(), token)})
        EXPECT_EQ(token_of(uuid), token);
    random[9] ^= 1;
    EXPECT_NE(token_of(whole_label(test::small_guest(), random)), token);
}

}  // namespace
}  // namespace xcl
