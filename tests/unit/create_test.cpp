// SPDX-License-Identifier: BSD-3-Clause
// create: makes whole guests, and nothing of a guest stays when any call on its way fails.
#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes.hpp"
#include "record/label.hpp"
#include "record/record.hpp"

namespace xcl::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<CreatedGuest> create(FakeHost& host, const GuestConfig& config,
                                 const CreateOptions& options) {
    return verbs::create(host.ports(), blueprint_of(config), options);
}

TEST(Create, GuestIsBuiltRecordedIntroducedAndRunning) {
    FakeHost host;
    const auto guests = create(host, small_guest(), {.on_created = {}});
    ASSERT_THAT(guests, SizeIs(1));
    EXPECT_EQ(guests[0].name, "small");
    EXPECT_TRUE(is_whole(host, guests[0].id));
    const FakeDomain& domain = host.hypervisor.domain(guests[0].id);
    EXPECT_EQ(domain.pauses, 0U);
    EXPECT_EQ(domain.pages, 1024U);
    EXPECT_EQ(domain.cmdline, "quiet");
    EXPECT_EQ(host.store.value("/local/domain/1/name"), "small");
}

TEST(Create, PausedGuestIsNeverUnpaused) {
    FakeHost host;
    const auto guests = create(host, small_guest(), {.paused = true, .on_created = {}});
    EXPECT_TRUE(is_whole(host, guests.at(0).id));
    EXPECT_EQ(host.hypervisor.domain(guests.at(0).id).pauses, 1U);
}

TEST(Create, CallsComeInTheOrderThatXenNeeds) {
    FakeHost host;
    static_cast<void>(create(host, small_guest(), {.on_created = {}}));
    EXPECT_THAT(host.hypervisor.calls,
                ElementsAre("host_info", "info 0", "create_domain", "set_affinity 1",
                            "allocate_event_channel 1", "allocate_event_channel 1", "build 1",
                            "unpause 1", "set_uuid 1"));
}

TEST(Create, WaitsForXenStoreOnce) {
    FakeHost host;
    static_cast<void>(create(host, small_guest(), {.on_created = {}}));
    EXPECT_THAT(host.store.exchanges, SizeIs(1));
}

TEST(Create, StorePortIsTheFirstAndConsolePortTheSecond) {
    FakeHost host;
    static_cast<void>(create(host, small_guest(), {.on_created = {}}));
    EXPECT_EQ(host.store.exchanges.at(0).back(), store_introduce(DomainId(1), 0x10010, 1));
    EXPECT_EQ(host.store.value("/local/domain/1/console/port"), "2");
    EXPECT_EQ(host.store.value("/local/domain/1/console/ring-ref"), std::to_string(0x10011));
}

TEST(Create, GuestWithoutConsoleHasNoConsolePortAndNoConsoleNode) {
    FakeHost host;
    GuestConfig config = small_guest();
    config.console = ConsoleKind::none;
    const auto guests = create(host, config, {.on_created = {}});
    EXPECT_TRUE(is_whole(host, guests.at(0).id));
    EXPECT_EQ(host.hypervisor.domain(guests.at(0).id).ports, 1U);
    EXPECT_FALSE(host.store.exists("/local/domain/1/console"));
}

TEST(Create, EveryVcpuIsPinnedWhereTheConfigSays) {
    FakeHost host;
    GuestConfig config = small_guest();
    config.vcpus = 3;
    config.cpus = CpuList{2, 3};
    static_cast<void>(create(host, config, {.on_created = {}}));
    EXPECT_THAT(host.hypervisor.domain(DomainId(1)).affinity,
                ElementsAre(std::pair(0, CpuList{2, 3}), std::pair(1, CpuList{2, 3}),
                            std::pair(2, CpuList{2, 3})));
}

TEST(Create, VcpusWithCpusOfTheirOwnArePinnedOneByOne) {
    FakeHost host;
    GuestConfig config = small_guest();
    config.vcpus = 3;
    config.cpus_by_vcpu = {{1}, {}, {0, 4}};
    static_cast<void>(create(host, config, {.on_created = {}}));
    EXPECT_THAT(host.hypervisor.domain(DomainId(1)).affinity,
                ElementsAre(std::pair(0, CpuList{1}), std::pair(2, CpuList{0, 4})));
}

TEST(Create, GuestsThatDoNotSayWhereGoRoundRobinOverTheCpusThatAreNotDom0s) {
    FakeHost host;
    host.hypervisor.host_cpus = 4;
    host.hypervisor.domain(control_domain).vcpus = 2;
    GuestConfig config = small_guest();
    config.vcpus = 2;
    static_cast<void>(create(host, config, {.count = 2, .on_created = {}}));
    EXPECT_THAT(host.hypervisor.domain(DomainId(1)).affinity,
                ElementsAre(std::pair(0, CpuList{3}), std::pair(1, CpuList{2})));
    EXPECT_THAT(host.hypervisor.domain(DomainId(2)).affinity,
                ElementsAre(std::pair(0, CpuList{2}), std::pair(1, CpuList{3})));
}

TEST(Create, DoesNotAskWhereDom0RunsWhenTheConfigChooses) {
    FakeHost host;
    GuestConfig config = small_guest();
    config.cpus = CpuList{};
    static_cast<void>(create(host, config, {.on_created = {}}));
    EXPECT_THAT(host.hypervisor.domain(DomainId(1)).affinity, IsEmpty());
    EXPECT_THAT(host.hypervisor.calls, testing::Not(testing::Contains("info 0")));
}

TEST(Create, LeavesAVcpuToXenWhereTheChosenCpuIsOff) {
    FakeHost host;
    host.hypervisor.parked_cpus = {1, 3, 5, 7};
    static_cast<void>(create(host, small_guest(), {.count = 4, .on_created = {}}));
    EXPECT_THAT(host.hypervisor.domain(DomainId(1)).affinity,
                ElementsAre(std::pair(0, CpuList{2})));
    EXPECT_THAT(host.hypervisor.domain(DomainId(2)).affinity, IsEmpty());
}

TEST(Create, CpusThatTheHostLacksFailAndLeaveNothing) {
    FakeHost host;
    const Holdings before = holdings(host);
    GuestConfig config = small_guest();
    config.cpus = CpuList{99};
    EXPECT_THROW(static_cast<void>(create(host, config, {.on_created = {}})), Error);
    EXPECT_EQ(holdings(host), before);
}

TEST(Create, MoreMemoryThanTheHostHasFreeIsRefusedBeforeADomainExists) {
    FakeHost host;
    host.hypervisor.free_pages = 1023;
    try {
        static_cast<void>(create(host, small_guest(), {.on_created = {}}));
        FAIL() << "created";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("it needs 4 MiB of memory, the host has 3 MiB free"));
    }
    EXPECT_THAT(host.hypervisor.calls, ElementsAre("host_info"));
    EXPECT_THAT(host.store.exchanges, IsEmpty());
}

TEST(Create, GuestThatTakesTheLastFreePageIsCreated) {
    FakeHost host;
    host.hypervisor.free_pages = 1024;
    EXPECT_THAT(create(host, small_guest(), {.on_created = {}}), SizeIs(1));
}

TEST(Create, GuestsOfABatchAreNamedAfterTheirIds) {
    FakeHost host;
    const auto guests = create(host, small_guest(), {.count = 3, .on_created = {}});
    ASSERT_THAT(guests, SizeIs(3));
    for (const CreatedGuest& guest : guests) {
        EXPECT_EQ(guest.name, fmt::format("small-{}", guest.id.value()));
        EXPECT_EQ(host.store.value(domain_path(guest.id) + "/name"), guest.name);
    }
}

TEST(Create, BatchOfNoneTouchesNothing) {
    FakeHost host;
    EXPECT_THAT(create(host, small_guest(), {.count = 0, .on_created = {}}), IsEmpty());
    EXPECT_THAT(host.hypervisor.calls, IsEmpty());
}

TEST(Create, LabelTellsOfTheMakerUntilTheGuestIsWhole) {
    FakeHost host;
    std::optional<Label> while_recorded;
    host.faults.meanwhile(
        "send", [&] { while_recorded = read_label(host.hypervisor.domain(DomainId(1)).uuid); });
    static_cast<void>(create(host, small_guest(), {.on_created = {}}));
    ASSERT_TRUE(while_recorded);
    EXPECT_EQ(while_recorded->maker, this_process());
}

TEST(Create, LabelKeepsWhatTheConfigWantsOfAnEndedGuest) {
    FakeHost host;
    GuestConfig config = small_guest();
    config.on_crash = EndAction::preserve;
    static_cast<void>(create(host, config, {.on_created = {}}));
    const auto label = read_label(host.hypervisor.domain(DomainId(1)).uuid);
    ASSERT_TRUE(label);
    EXPECT_EQ(label->on_crash, EndAction::preserve);
    EXPECT_EQ(label->on_poweroff, EndAction::destroy);
}

TEST(Create, GuestsOfABatchHaveDifferentUuids) {
    FakeHost host;
    static_cast<void>(create(host, small_guest(), {.count = 2, .on_created = {}}));
    EXPECT_NE(host.hypervisor.domain(DomainId(1)).uuid, host.hypervisor.domain(DomainId(2)).uuid);
}

TEST(Create, ExceptionOfTheCallerEndsTheBatchAndKeepsTheGuestsSoFar) {
    FakeHost host;
    unsigned calls = 0;
    const auto stop_at_second = [&](const CreatedGuest& /*guest*/) {
        if (++calls == 2)
            throw std::runtime_error("enough");
    };
    EXPECT_THROW(
        static_cast<void>(create(host, small_guest(), {.count = 3, .on_created = stop_at_second})),
        std::runtime_error);
    EXPECT_THAT(existing(host), ElementsAre(DomainId(1), DomainId(2)));
    EXPECT_TRUE(is_whole(host, DomainId(1)));
    EXPECT_TRUE(is_whole(host, DomainId(2)));
}

TEST(Create, KernelThatIsMissingIsNamed) {
    GuestConfig config = small_guest();
    config.kernel = "/nowhere/kernel";
    try {
        static_cast<void>(verbs::read_blueprint(config));
        FAIL() << "read";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("/nowhere/kernel"));
        EXPECT_EQ(error.failure().error, ENOENT);
    }
}

// All shapes of a create, each of whose points is made to fail, or to be the last.
struct Shape {
    const char* name;
    bool console;
    bool paused;
    bool pinned;
    unsigned count;
    std::size_t points;  // that it passes

    [[nodiscard]] GuestConfig config() const {
        GuestConfig config = small_guest();
        config.console = console ? ConsoleKind::pty : ConsoleKind::none;
        config.vcpus = 2;
        if (pinned)
            config.cpus = CpuList{1, 2};
        return config;
    }
};

void PrintTo(const Shape& shape, std::ostream* out) {
    *out << shape.name;
}

class CreateOf : public ::testing::TestWithParam<Shape> {
  protected:
    // The guests that were reported whole, and the error if one ended the batch.
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
            static_cast<void>(
                create(host, shape.config(),
                       {.count = shape.count, .paused = shape.paused, .on_created = note}));
        } catch (const Error& error) {
            outcome.failure = error.failure();
        } catch (const Killed&) {
            outcome.killed = true;
        }
        return outcome;
    }

    static void expect_only_whole_guests(const FakeHost& host, const std::vector<DomainId>& whole) {
        EXPECT_EQ(existing(host), whole);
        EXPECT_EQ(recorded(host), whole);
        EXPECT_TRUE(std::ranges::all_of(whole, [&](DomainId id) { return is_whole(host, id); }));
    }
};

constexpr int injected = EXDEV;  // which no call here fails with by itself

TEST_P(CreateOf, AnyPointThatFailsIsReportedAndLeavesNothing) {
    const std::size_t descriptors = open_descriptors();
    std::size_t point = 0;
    for (;; ++point) {
        FakeHost host;
        const Holdings before = holdings(host);
        const std::uint64_t free_pages = host.hypervisor.free_pages;
        host.faults.fail_at(point, injected);
        const Outcome outcome = attempt(host);
        if (!host.faults.hit()) {
            EXPECT_FALSE(outcome.failure);
            EXPECT_THAT(outcome.whole, SizeIs(GetParam().count));
            break;
        }
        SCOPED_TRACE(testing::Message() << "point " << point << ", " << host.faults.what());
        ASSERT_TRUE(outcome.failure);
        EXPECT_EQ(outcome.failure->error, injected);
        EXPECT_EQ(outcome.failure->call, host.faults.what());
        EXPECT_EQ(open_descriptors(), descriptors);
        expect_only_whole_guests(host, outcome.whole);
        EXPECT_EQ(host.hypervisor.free_pages, free_pages - 1024 * outcome.whole.size());
        if (outcome.whole.empty()) {
            EXPECT_EQ(holdings(host), before);
        }
    }
    EXPECT_EQ(point, GetParam().points);
}

TEST_P(CreateOf, KilledAtAnyPointItLeavesWholeGuestsAndWhatReapCollects) {
    std::size_t point = 0;
    for (;; ++point) {
        FakeHost host;
        host.faults.kill_at(point);
        const Outcome outcome = attempt(host);
        if (!outcome.killed)
            break;
        SCOPED_TRACE(testing::Message() << "killed at " << point << ", " << host.faults.what());
        host.faults.none();

        const Holdings left = holdings(host);
        const auto by_neighbour = [](const ProcessStamp&) { return true; };
        EXPECT_THAT(verbs::reap(host.ports(), by_neighbour), IsEmpty());
        EXPECT_EQ(holdings(host), left) << "reaped from under a maker that runs";

        std::optional<ProcessStamp> maker;
        const auto after_death = [&](const ProcessStamp& process) {
            maker = process;
            return false;
        };
        const auto reaped = verbs::reap(host.ports(), after_death);
        expect_only_whole_guests(host, outcome.whole);
        EXPECT_EQ(reaped.size(), left.domains.size() - 1 - outcome.whole.size());
        if (!reaped.empty()) {
            EXPECT_THAT(reaped, ElementsAre(Reaped{reaped.front().id, ReapCause::unfinished}));
            EXPECT_EQ(maker, this_process());
        }
        EXPECT_THAT(verbs::reap(host.ports(), after_death), IsEmpty());
    }
    EXPECT_EQ(point, GetParam().points);
}

// Calls: memory, domain, two pins, one port or two, build, label; unpause where it is, and dom0's
// vCPUs once where the config does not pin. Then the exchange: send, the record's requests (9,
// without a console 7), receive.
INSTANTIATE_TEST_SUITE_P(
    Shapes, CreateOf,
    ::testing::Values(Shape{"Running", true, false, false, 1, 10 + 11},
                      Shape{"Paused", true, true, false, 1, 9 + 11},
                      Shape{"RunningWithoutConsole", false, false, false, 1, 9 + 9},
                      Shape{"PausedWithoutConsole", false, true, false, 1, 8 + 9},
                      Shape{"PinnedRunning", true, false, true, 1, 9 + 11},
                      Shape{"PinnedPausedWithoutConsole", false, true, true, 1, 7 + 9},
                      Shape{"BatchOfThree", true, false, false, 3, 1 + 3 * std::size_t{9 + 11}},
                      Shape{"PinnedPausedBatchOfThree", true, true, true, 3,
                            3 * std::size_t{8 + 11}}),
    [](const auto& shape) { return std::string(shape.param.name); });

TEST(Create, FirstErrorIsReportedAndReapCollectsWhenTheCleanUpFailsToo) {
    for (const char* const call : {"destroy", "XS_RM /local/domain/1"}) {
        SCOPED_TRACE(call);
        FakeHost host;
        const Holdings before = holdings(host);
        host.faults.refuse("set_uuid", injected);
        host.faults.refuse(call, EBUSY);
        try {
            static_cast<void>(create(host, small_guest(), {.on_created = {}}));
            FAIL() << "created";
        } catch (const Error& error) {
            EXPECT_EQ(error.failure().error, injected);
        }
        EXPECT_NE(holdings(host), before);
        host.faults.none();
        const auto reaped = verbs::reap(host.ports(), [](const ProcessStamp&) { return false; });
        EXPECT_THAT(reaped, SizeIs(1));
        EXPECT_EQ(holdings(host), before);
    }
}

}  // namespace
}  // namespace xcl::test
