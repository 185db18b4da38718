// SPDX-License-Identifier: BSD-3-Clause
// create with vifs, whatever goes wrong: every call of every port is made to fail, or to be the
// last of its process.
#include <algorithm>
#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes.hpp"
#include "record/record.hpp"

namespace xcl::test {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int injected = EXDEV;  // which no call here fails with by itself

struct Shape {
    const char* name;
    std::vector<VifConfig> vifs;
    bool late = false;   // netback takes its time
    bool lossy = false;  // events are lost
    bool wait = false;   // for frontends
    unsigned count = 1;
    std::size_t points = 0;  // at least so many are passed

    void furnish(FakeHost& host) const {
        host.store.write("/local/domain/0/backend/vif", "");
        host.store.write("/local/domain/0/error/backend/vif", "");
        host.network.add_bridge("xenbr0", parse_ipv4("10.0.0.1/24"));
        host.network.add_bridge("xenbr1", parse_ipv4("10.0.1.1/24")).room = 1;
        host.network.offers_while_asleep = late;
        host.network.loses_events = lossy;
    }
    [[nodiscard]] GuestConfig config() const {
        GuestConfig config = small_guest();
        config.vifs = vifs;
        return config;
    }
};

void PrintTo(const Shape& shape, std::ostream* out) {
    *out << shape.name;
}

VifConfig automatic() {
    VifConfig vif;
    vif.ip.kind = VifAddress::Kind::automatic;
    return vif;
}

VifConfig scripted() {
    VifConfig vif;
    vif.script = "vif-test";
    return vif;
}

class CreateVifOf : public ::testing::TestWithParam<Shape> {
  protected:
    struct Outcome {
        std::vector<DomainId> whole;
        std::optional<Failure> failure;
        bool killed = false;
    };

    static Outcome attempt(FakeHost& host) {
        const Shape& shape = GetParam();
        Outcome outcome;
        const auto note = [&](const CreatedGuest& guest) { outcome.whole.push_back(guest.id); };
        try {
            static_cast<void>(verbs::create(
                host.ports(), blueprint_of(shape.config()),
                {.count = shape.count, .wait_connected = shape.wait, .on_created = note}));
        } catch (const Error& error) {
            outcome.failure = error.failure();
        } catch (const Killed&) {
            outcome.killed = true;
        }
        std::ranges::sort(outcome.whole);
        return outcome;
    }

    // Nothing but these guests: no domain, no node, no interface, no script.
    static void expect_only(FakeHost& host, const std::vector<DomainId>& whole,
                            const Holdings& before) {
        EXPECT_EQ(existing(host), whole);
        EXPECT_TRUE(std::ranges::all_of(whole, [&](DomainId id) { return is_whole(host, id); }));
        EXPECT_THAT(host.network.running, IsEmpty());
        verbs::destroy(host.ports(), whole);
        EXPECT_EQ(holdings(host), before);
    }
};

TEST_P(CreateVifOf, AnyPointThatFailsIsReportedAndLeavesNothing) {
    std::size_t point = 0;
    for (;; ++point) {
        FakeHost host;
        GetParam().furnish(host);
        const Holdings before = holdings(host);
        host.faults.fail_at(point, injected);
        const Outcome outcome = attempt(host);
        const bool hit = host.faults.hit();
        SCOPED_TRACE(testing::Message() << "point " << point << ", " << host.faults.what());
        host.faults.none();
        if (!hit) {
            EXPECT_FALSE(outcome.failure);
            EXPECT_THAT(outcome.whole, SizeIs(GetParam().count));
            break;
        }
        ASSERT_TRUE(outcome.failure);
        EXPECT_EQ(outcome.failure->error, injected);
        expect_only(host, outcome.whole, before);
    }
    EXPECT_GE(point, GetParam().points);
}

TEST_P(CreateVifOf, KilledAtAnyPointItLeavesWholeGuestsAndWhatReapCollects) {
    const auto died = [](const ProcessStamp&) { return false; };
    std::size_t point = 0;
    for (;; ++point) {
        FakeHost host;
        GetParam().furnish(host);
        const Holdings before = holdings(host);
        host.faults.kill_at(point);
        const Outcome outcome = attempt(host);
        SCOPED_TRACE(testing::Message() << "killed at " << point << ", " << host.faults.what());
        host.faults.none();
        if (!outcome.killed)
            break;
        for (const VifId& vif : std::set<VifId>(host.network.running))
            host.network.end_script(vif, "");  // they outlive who started them
        static_cast<void>(verbs::reap(host.ports(), died));
        expect_only(host, outcome.whole, before);
    }
    EXPECT_GE(point, GetParam().points);
}

// At least: the switches, listen, memory, domain, two ports, build, unpause, label; send, the
// record's 23 requests with one vif, receive; one wait and one plug.
constexpr std::size_t one_vif = 9 + 25 + 2;

INSTANTIATE_TEST_SUITE_P(
    Shapes, CreateVifOf,
    ::testing::Values(Shape{.name = "OneVif", .vifs = {{}}, .points = one_vif},
                      Shape{.name = "LateVif", .vifs = {{}}, .late = true, .points = one_vif},
                      Shape{
                          .name = "LostEvents", .vifs = {{}}, .lossy = true, .points = one_vif + 1},
                      Shape{.name = "TwoVifsWithAddresses",
                            .vifs = {automatic(), automatic()},
                            .late = true,
                            .points = one_vif + 15 + 7},
                      Shape{.name = "Waited", .vifs = {{}}, .wait = true, .points = one_vif + 1},
                      Shape{.name = "Script", .vifs = {scripted()}, .points = one_vif + 2},
                      Shape{.name = "ScriptBesidePlug",
                            .vifs = {scripted(), {}},
                            .late = true,
                            .wait = true,
                            .points = one_vif + 15 + 4},
                      Shape{.name = "LateBatchOfThree",
                            .vifs = {{}},
                            .late = true,
                            .count = 3,
                            .points = 3 * (one_vif - 2) + 2},
                      Shape{.name = "BatchOfThreeWithScripts",
                            .vifs = {scripted()},
                            .late = true,
                            .count = 3,
                            .points = 3 * (one_vif - 2) + 2}),
    [](const auto& shape) { return std::string(shape.param.name); });

}  // namespace
}  // namespace xcl::test
