// SPDX-License-Identifier: BSD-3-Clause
// reap: collects what nobody will come back for, and nothing else.
#include <algorithm>
#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes.hpp"
#include "record/label.hpp"
#include "record/record.hpp"

namespace xcl::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int injected = EXDEV;

bool runs(const ProcessStamp& /*process*/) {
    return true;
}
bool nobody_runs(const ProcessStamp& /*process*/) {
    return false;
}

std::vector<Reaped> reap(FakeHost& host) {
    return verbs::reap(host.ports(), nobody_runs);
}

GuestConfig preserved_after(EndAction poweroff, EndAction crash) {
    GuestConfig config = small_guest();
    config.on_poweroff = poweroff;
    config.on_crash = crash;
    return config;
}

// A domain whose maker was killed right after its record was written.
DomainId add_unfinished(FakeHost& host, const ProcessStamp& maker) {
    const DomainId id = host.add_guest(small_guest());
    host.hypervisor.domain(id).uuid = unfinished_label(maker);
    return id;
}

TEST(Reap, HostWithoutGuestsHasNothingToCollect) {
    FakeHost host;
    const Holdings before = holdings(host);
    EXPECT_THAT(reap(host), IsEmpty());
    EXPECT_EQ(holdings(host), before);
}

TEST(Reap, RunningAndPausedGuestsStay) {
    FakeHost host;
    host.add_guest(small_guest());
    host.hypervisor.domain(host.add_guest(small_guest())).pauses = 1;
    const Holdings before = holdings(host);
    EXPECT_THAT(reap(host), IsEmpty());
    EXPECT_EQ(holdings(host), before);
}

TEST(Reap, GuestThatEndedIsCollectedWithItsRecord) {
    for (const ShutdownReason reason : {ShutdownReason::poweroff, ShutdownReason::reboot,
                                        ShutdownReason::crash, ShutdownReason::watchdog}) {
        FakeHost host;
        const Holdings before = holdings(host);
        const DomainId id = host.add_guest(small_guest());
        host.hypervisor.end(id, reason);
        EXPECT_THAT(reap(host), ElementsAre(Reaped{id, ReapCause::ended}));
        EXPECT_EQ(holdings(host), before);
    }
}

TEST(Reap, SuspendedGuestStays) {
    FakeHost host;
    host.hypervisor.end(host.add_guest(small_guest()), ShutdownReason::suspend);
    EXPECT_THAT(reap(host), IsEmpty());
    EXPECT_THAT(existing(host), ElementsAre(DomainId(1)));
}

TEST(Reap, GuestThatItsConfigPreservesStays) {
    FakeHost host;
    const DomainId crashed =
        host.add_guest(preserved_after(EndAction::destroy, EndAction::preserve));
    const DomainId off = host.add_guest(preserved_after(EndAction::destroy, EndAction::preserve));
    const DomainId kept = host.add_guest(preserved_after(EndAction::preserve, EndAction::destroy));
    host.hypervisor.end(crashed, ShutdownReason::crash);
    host.hypervisor.end(off, ShutdownReason::poweroff);
    host.hypervisor.end(kept, ShutdownReason::poweroff);
    EXPECT_THAT(reap(host), ElementsAre(Reaped{off, ReapCause::ended}));
    EXPECT_THAT(existing(host), ElementsAre(crashed, kept));
}

TEST(Reap, DomainsOfOtherToolstacksStayWhateverTheirState) {
    FakeHost host;
    const DomainId ended = host.add_foreign("ended");
    const DomainId bare = host.add_foreign("bare");
    host.hypervisor.end(ended, ShutdownReason::poweroff);
    host.store.exchange(std::vector{store_remove(domain_path(bare))});
    const Holdings before = holdings(host);
    EXPECT_THAT(reap(host), IsEmpty());
    EXPECT_EQ(holdings(host), before);
}

TEST(Reap, UnfinishedGuestStaysWhileItsMakerRuns) {
    FakeHost host;
    add_unfinished(host, this_process());
    const Holdings before = holdings(host);
    EXPECT_THAT(verbs::reap(host.ports(), is_running), IsEmpty());
    EXPECT_EQ(holdings(host), before);
}

TEST(Reap, UnfinishedGuestIsCollectedOnceItsMakerIsGone) {
    FakeHost host;
    const Holdings before = holdings(host);
    const ProcessStamp maker{.pid = 4242, .start_ticks = 7, .pid_namespace = 3};
    const DomainId id = add_unfinished(host, maker);
    std::vector<ProcessStamp> asked;
    const auto note = [&](const ProcessStamp& process) {
        asked.push_back(process);
        return false;
    };
    EXPECT_THAT(verbs::reap(host.ports(), note), ElementsAre(Reaped{id, ReapCause::unfinished}));
    EXPECT_THAT(asked, ElementsAre(maker));
    EXPECT_EQ(holdings(host), before);
}

TEST(Reap, GuestThatItsMakerFinishedMeanwhileStays) {
    FakeHost host;
    const DomainId id = add_unfinished(host, {.pid = 1, .start_ticks = 1, .pid_namespace = 1});
    const auto finishes_and_exits = [&](const ProcessStamp&) {
        host.hypervisor.domain(id).uuid = whole_label(small_guest(), Uuid{});
        return false;
    };
    EXPECT_THAT(verbs::reap(host.ports(), finishes_and_exits), IsEmpty());
    EXPECT_TRUE(is_whole(host, id));
}

TEST(Reap, UnfinishedGuestThatItsMakerGaveUpMeanwhileIsNoError) {
    FakeHost host;
    const Holdings before = holdings(host);
    const DomainId id = add_unfinished(host, {.pid = 1, .start_ticks = 1, .pid_namespace = 1});
    const auto undoes_and_exits = [&](const ProcessStamp&) {
        host.store.exchange(guest_removal(id, false));
        host.hypervisor.vanish(id);
        return false;
    };
    static_cast<void>(verbs::reap(host.ports(), undoes_and_exits));
    EXPECT_EQ(holdings(host), before);
}

TEST(Reap, WholeGuestWithoutRecordIsALeftover) {
    FakeHost host;
    const DomainId id = host.add_guest(small_guest());
    host.store.exchange(guest_removal(id, false));
    EXPECT_THAT(reap(host), ElementsAre(Reaped{id, ReapCause::leftover}));
    EXPECT_THAT(existing(host), IsEmpty());
}

TEST(Reap, HeldGuestOfWhoseRecordOnlyATerminalIsThereIsALeftover) {
    FakeHost host;
    const DomainId id = host.add_guest(small_guest());
    host.hypervisor.pause(id);
    host.store.exchange(guest_removal(id, false));
    host.store.write("/local/domain/1/console/tty", "/dev/pts/7");
    EXPECT_THAT(reap(host), ElementsAre(Reaped{id, ReapCause::leftover}));
    EXPECT_THAT(existing(host), IsEmpty());
    EXPECT_THAT(recorded(host), IsEmpty());
}

TEST(Reap, PausedGuestStays) {
    FakeHost host;
    const DomainId id = host.add_guest(small_guest());
    host.hypervisor.pause(id);
    EXPECT_THAT(reap(host), IsEmpty());
    EXPECT_THAT(existing(host), ElementsAre(id));
}

TEST(Reap, GuestThatBecameWholeBetweenTheTwoListingsStays) {
    FakeHost host;
    // Created by a neighbour after the records were listed and before the domains are.
    host.faults.meanwhile("list", [&] { host.add_guest(small_guest()); });
    EXPECT_THAT(reap(host), IsEmpty());
    EXPECT_TRUE(is_whole(host, DomainId(1)));
}

TEST(Reap, RecordWithoutADomainIsAnOrphan) {
    FakeHost host;
    const Holdings before = holdings(host);
    const DomainId id = host.add_guest(small_guest());
    host.hypervisor.vanish(id);
    EXPECT_THAT(reap(host), ElementsAre(Reaped{id, ReapCause::orphan}));
    EXPECT_EQ(holdings(host), before);
}

// What the control domain's kernel writes of a vif whose record is removed while it looks at it.
TEST(Reap, BackendsAndTheirErrorsWithoutADomainAreOrphans) {
    FakeHost host;
    host.store.write("/local/domain/0/backend/vif", "");
    host.store.write("/local/domain/0/error/backend/vif", "");
    const Holdings before = holdings(host);
    host.store.write(backend_path({DomainId(7), 0}) + "/feature-sg", "1");
    host.store.write(backend_error_path({DomainId(8), 0}), "2 reading ring-ref");
    host.store.write(backend_path({DomainId(9), 1}) + "/feature-sg", "1");
    host.store.write(backend_error_path({DomainId(9), 1}), "2 reading script");
    EXPECT_THAT(reap(host), ElementsAre(Reaped{DomainId(7), ReapCause::orphan},
                                        Reaped{DomainId(8), ReapCause::orphan},
                                        Reaped{DomainId(9), ReapCause::orphan}));
    EXPECT_EQ(holdings(host), before);
}

TEST(Reap, BackendsOfGuestsThatExistStay) {
    FakeHost host;
    const DomainId ours = host.add_guest(small_guest());
    const DomainId theirs = host.add_foreign("theirs");
    for (const DomainId id : {ours, theirs}) {
        host.store.write(backend_path({id, 0}) + "/state", "2");
        host.store.write(backend_error_path({id, 0}), "2 reading ring-ref");
    }
    const Holdings before = holdings(host);
    EXPECT_THAT(reap(host), IsEmpty());
    EXPECT_EQ(holdings(host), before);
}

TEST(Reap, DyingGuestOfOursLosesItsRecord) {
    FakeHost host;
    const DomainId id = host.add_guest(small_guest());
    host.hypervisor.domain(id).memory_held = true;
    host.hypervisor.vanish(id);
    EXPECT_THAT(reap(host), ElementsAre(Reaped{id, ReapCause::leftover}));
    EXPECT_THAT(recorded(host), IsEmpty());
}

TEST(Reap, NodesBesideTheRecordsAreNobodysGuests) {
    FakeHost host;
    for (const char* const path :
         {"/local/domain/5x", "/local/domain/x", "/local/domain/99999", "/local/domain/-1"})
        host.store.write(path, "");
    const Holdings before = holdings(host);
    EXPECT_THAT(reap(host), IsEmpty());
    EXPECT_EQ(holdings(host), before);
}

TEST(Reap, RecordsThatCannotBeListedAreAnErrorAndNothingIsTouched) {
    FakeHost host;
    host.hypervisor.end(host.add_guest(small_guest()), ShutdownReason::poweroff);
    const Holdings before = holdings(host);
    host.faults.refuse("XS_DIRECTORY /local/domain", EACCES);
    EXPECT_THROW(static_cast<void>(reap(host)), Error);
    EXPECT_EQ(holdings(host), before);
}

TEST(Reap, TwoAtOnceDoNotDisturbEachOther) {
    for (const char* const moment : {"list", "pause", "send", "destroy"}) {
        SCOPED_TRACE(moment);
        FakeHost host;
        const Holdings before = holdings(host);
        host.hypervisor.end(host.add_guest(small_guest()), ShutdownReason::poweroff);
        host.hypervisor.end(host.add_guest(small_guest()), ShutdownReason::crash);
        host.hypervisor.vanish(host.add_guest(small_guest()));
        host.faults.meanwhile(moment, [&] { static_cast<void>(reap(host)); });
        EXPECT_NO_THROW(static_cast<void>(reap(host)));
        EXPECT_EQ(holdings(host), before);
    }
}

// One of each cause beside guests that must stay.
struct Mixture {
    Mixture() {
        whole = host.add_guest(small_guest());
        foreign = host.add_foreign("theirs");
        host.hypervisor.end(host.add_guest(small_guest()), ShutdownReason::poweroff);
        add_unfinished(host, {.pid = 1, .start_ticks = 1, .pid_namespace = 1});
        host.store.exchange(guest_removal(host.add_guest(small_guest()), false));
        host.hypervisor.vanish(host.add_guest(small_guest()));
    }
    FakeHost host;
    DomainId whole{0};
    DomainId foreign{0};
};

void expect_collected_by_the_next(Mixture& mixture) {
    mixture.host.faults.none();
    EXPECT_NO_THROW(static_cast<void>(reap(mixture.host)));
    EXPECT_THAT(existing(mixture.host), ElementsAre(mixture.whole, mixture.foreign));
    EXPECT_THAT(recorded(mixture.host), ElementsAre(mixture.whole, mixture.foreign));
    EXPECT_TRUE(is_whole(mixture.host, mixture.whole));
}

TEST(Reap, WhatAnyFailingPointSparesIsCollectedByTheNext) {
    std::size_t point = 0;
    for (;; ++point) {
        Mixture mixture;
        mixture.host.faults.fail_at(point, injected);
        std::optional<Failure> failure;
        try {
            static_cast<void>(reap(mixture.host));
        } catch (const Error& error) {
            failure = error.failure();
        }
        if (!mixture.host.faults.hit())
            break;
        SCOPED_TRACE(testing::Message() << "point " << point << ", " << mixture.host.faults.what());
        // Whether a record exists may stay unknown: then the guest is left alone.
        if (mixture.host.faults.what() != "XS_DIRECTORY /local/domain/5/control") {
            ASSERT_TRUE(failure);
            EXPECT_EQ(failure->error, injected);
            EXPECT_EQ(failure->call, mixture.host.faults.what());
        }
        expect_collected_by_the_next(mixture);
    }
    // records, backends and their errors (9), list, whether the maker left it (1), whether the
    // leftover has a record (3), 3 pauses, the vifs that the unfinished one may have (3), 3 looks
    // and 4 removals in one exchange (9), 3 destroys, the orphan's 3 removals (5)
    EXPECT_EQ(point, 9U + 1U + 1U + 3U + 3U + 3U + 9U + 3U + 5U);
}

TEST(Reap, KilledAtAnyPointItLeavesTheRestToTheNext) {
    std::size_t point = 0;
    for (;; ++point) {
        Mixture mixture;
        mixture.host.faults.kill_at(point);
        bool killed = false;
        try {
            static_cast<void>(reap(mixture.host));
        } catch (const Killed&) {
            killed = true;
        }
        if (!killed)
            break;
        SCOPED_TRACE(testing::Message() << "killed at " << point);
        expect_collected_by_the_next(mixture);
    }
    EXPECT_EQ(point, 37U);
}

TEST(Reap, UnfinishedGuestsOfARunningMakerStayWhileOthersAreCollected) {
    Mixture mixture;
    EXPECT_THAT(
        verbs::reap(mixture.host.ports(), runs),
        ElementsAre(Reaped{DomainId(3), ReapCause::ended}, Reaped{DomainId(5), ReapCause::leftover},
                    Reaped{DomainId(6), ReapCause::orphan}));
    EXPECT_THAT(existing(mixture.host), ElementsAre(mixture.whole, mixture.foreign, DomainId(4)));
}

}  // namespace
}  // namespace xcl::test
