// SPDX-License-Identifier: BSD-3-Clause
// migrate and receive, whatever goes wrong: the connection is cut at every kind of byte, every call
// of every port is made to fail, or to be the last of its process, on either side. Once what was
// left is settled, exactly one copy runs, with the memory that it had, and nothing else is left.
#include <cerrno>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "migrating.hpp"

namespace xcl::test {
namespace {

constexpr int injected = EXDEV;  // which no call here fails with by itself

struct Shape {
    const char* name;
    bool vif = false;
    bool declined = false;  // its memory is libxenguest's to save
};

void PrintTo(const Shape& shape, std::ostream* out) {
    *out << shape.name;
}

GuestConfig config_of(const Shape& shape) {
    GuestConfig config = shape.vif ? guest_with_vif() : small_guest();
    config.memory_mib = 1;
    return config;
}

struct ShapedHosts : Hosts {
    explicit ShapedHosts(const Shape& shape) : Hosts(config_of(shape)) {
        if (shape.declined)
            source.hypervisor.domain(id).memory.declined = "its p2m is strange";
    }
};

// What holds for every end, and after it was settled.
void expect_one_guest(Hosts& hosts, const MigrationEnd& end) {
    // Neither twice nor lost, even before anybody looked.
    EXPECT_FALSE(end.runs_at_source && end.runs_at_destination);
    if (end.source.well()) {
        EXPECT_TRUE(end.runs_at_destination);
    }
    if (!end.runs_at_source && !end.runs_at_destination) {
        // It stands at the source, and says so, or waits at the destination to be unpaused.
        const auto guest = hosts.source.hypervisor.info(hosts.id);
        ASSERT_TRUE(guest && guest->state == DomainState::shutdown &&
                    guest->reason == ShutdownReason::suspend);
    }
    hosts.settle();
    EXPECT_EQ(hosts.running(), 1U);
    const bool at_source = hosts.source.hypervisor.exists(hosts.id);
    if (hosts.suspended.empty())
        hosts.suspended = contents_of(hosts.source.hypervisor.domain(hosts.id).memory);
    EXPECT_EQ(hosts.contents(), hosts.suspended);
    EXPECT_TRUE(hosts.is_as_before(at_source ? hosts.destination : hosts.source));
    if (at_source) {
        EXPECT_TRUE(is_whole(hosts.source, hosts.id));
    } else {
        EXPECT_TRUE(is_whole(hosts.destination, hosts.guest_at(hosts.destination)));
    }
}

class Migration : public ::testing::TestWithParam<Shape> {};

TEST_P(Migration, CutAnywhereOneGuestIsLeft) {
    std::size_t there = 0;
    std::size_t back = 0;
    {
        ShapedHosts hosts(GetParam());
        LinkPair links;
        const MigrationEnd end = hosts.migrate(links);
        ASSERT_TRUE(end.source.well() && end.destination.well()) << end.source.error;
        there = links.carried(Way::there);
        back = links.carried(Way::back);
    }
    std::set<std::size_t> cuts;
    for (std::size_t cut = 0; cut < 120; ++cut) {
        cuts.insert(cut);                // the offer and the beginning of the image
        cuts.insert(there - 1 - cut);    // its end, and "go"
        cuts.insert(there * cut / 120);  // pages
    }
    for (const std::size_t cut : cuts) {
        SCOPED_TRACE(testing::Message() << "cut after " << cut << " bytes there of " << there);
        ShapedHosts hosts(GetParam());
        LinkPair links(cut);
        const MigrationEnd end = hosts.migrate(links);
        EXPECT_FALSE(end.source.well());
        expect_one_guest(hosts, end);
    }
    for (std::size_t cut = 0; cut < back; ++cut) {
        SCOPED_TRACE(testing::Message() << "cut after " << cut << " bytes back of " << back);
        ShapedHosts hosts(GetParam());
        LinkPair links(LinkPair::never, cut);
        const MigrationEnd end = hosts.migrate(links);
        expect_one_guest(hosts, end);
    }
    EXPECT_GE(cuts.size() + back, 300U);
}

enum class Side { source, destination };

// Calls `spoil` with one point after the other of that side, until none is left to be spoiled.
template <typename Spoil>
std::size_t at_each_point(Side side, const Shape& shape, Spoil spoil) {
    for (std::size_t point = 0;; ++point) {
        ShapedHosts hosts(shape);
        Faults& faults = side == Side::source ? hosts.source.faults : hosts.destination.faults;
        spoil(faults, point);
        LinkPair links;
        std::string what;
        bool hit = false;
        // Both are asked for before anything is settled.
        hosts.before_calm = [&] {
            hit = faults.hit();
            what = faults.what();
        };
        const MigrationEnd end = hosts.migrate(links);
        SCOPED_TRACE(testing::Message()
                     << (side == Side::source ? "source" : "destination") << ", point " << point
                     << ", " << what << ": " << end.source.error << " | " << end.destination.error);
        expect_one_guest(hosts, end);
        if (!hit)
            return point;
    }
}

TEST_P(Migration, AnyPointThatFailsLeavesOneGuest) {
    const auto fail = [](Faults& faults, std::size_t point) { faults.fail_at(point, injected); };
    EXPECT_GE(at_each_point(Side::source, GetParam(), fail), 20U);
    EXPECT_GE(at_each_point(Side::destination, GetParam(), fail), 15U);
}

TEST_P(Migration, KilledAtAnyPointOneGuestIsLeft) {
    const auto kill = [](Faults& faults, std::size_t point) { faults.kill_at(point); };
    EXPECT_GE(at_each_point(Side::source, GetParam(), kill), 20U);
    EXPECT_GE(at_each_point(Side::destination, GetParam(), kill), 15U);
}

INSTANTIATE_TEST_SUITE_P(
    Guests, Migration,
    ::testing::Values(Shape{.name = "plain"}, Shape{.name = "vif", .vif = true},
                      Shape{.name = "declined", .vif = true, .declined = true}),
    [](const auto& shape) { return std::string(shape.param.name); });

}  // namespace
}  // namespace xcl::test
