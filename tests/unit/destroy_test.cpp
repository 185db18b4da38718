// SPDX-License-Identifier: BSD-3-Clause
// destroy: takes domains and records away, and whatever fails on the way can be done again.
#include <algorithm>
#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes.hpp"
#include "record/record.hpp"

namespace xcl::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
constexpr int injected = EXDEV;

void destroy(FakeHost& host, const std::vector<DomainId>& ids) {
    verbs::destroy(host.ports(), ids);
}

bool nobody_runs(const ProcessStamp& /*process*/) {
    return false;
}

TEST(Destroy, GuestLeavesNothing) {
    FakeHost host;
    const Holdings before = holdings(host);
    destroy(host, {host.add_guest(small_guest())});
    EXPECT_EQ(holdings(host), before);
}

TEST(Destroy, PausesFirstThenRemovesTheRecordThenDestroys) {
    FakeHost host;
    const DomainId id = host.add_guest(small_guest());
    bool recorded_at_pause = false;
    bool recorded_at_destroy = true;
    host.faults.meanwhile("pause", [&] { recorded_at_pause = !recorded(host).empty(); });
    destroy(host, {id});
    EXPECT_TRUE(recorded_at_pause);

    const DomainId second = host.add_guest(small_guest());
    host.faults.meanwhile("destroy", [&] { recorded_at_destroy = !recorded(host).empty(); });
    destroy(host, {second});
    EXPECT_FALSE(recorded_at_destroy);
    EXPECT_THAT(host.hypervisor.calls, ElementsAre("info 2", "pause 2", "destroy 2"));
}

// A guest whose vif netback is connecting when its record goes: then netback notes an error.
TEST(Destroy, WhatNetbackNotesOfAVifThatWasConnectingGoesToo) {
    for (const bool has_run : {true, false}) {
        FakeHost host;
        host.network.add_bridge("xenbr0");
        host.store.write("/local/domain/0/backend/vif", "");
        host.store.write("/local/domain/0/error/backend/vif", "");
        const Holdings before = holdings(host);
        const DomainId id = host.add_guest(guest_with_vif());
        host.network.vifs.at({id, 0}).carrier = false;
        if (has_run) {
            host.hypervisor.domain(id).cpu_time = std::chrono::milliseconds(1);
            host.faults.meanwhile("destroy", [&] {
                host.store.write(backend_error_path({id, 0}), "2 reading ring-ref");
            });
        }
        host.store.exchanges.clear();
        destroy(host, {id});
        EXPECT_EQ(holdings(host), before);
        EXPECT_EQ(host.store.exchanges.size(), has_run ? 2U : 1U);
    }
}

TEST(Destroy, AVifThatIsConnectedCostsNoSecondExchange) {
    FakeHost host;
    host.network.add_bridge("xenbr0");
    const DomainId id = host.add_guest(guest_with_vif());
    host.hypervisor.domain(id).cpu_time = std::chrono::milliseconds(1);
    host.network.vifs.at({id, 0}).carrier = true;
    host.store.exchanges.clear();
    destroy(host, {id});
    EXPECT_EQ(host.store.exchanges.size(), 1U);
}

TEST(Destroy, TwoGuestsOfOursTakeOneExchangeWithARemovalEach) {
    FakeHost host;
    const std::vector<DomainId> ids{host.add_guest(small_guest()), host.add_guest(small_guest())};
    host.store.exchanges.clear();
    destroy(host, ids);
    EXPECT_THAT(
        host.store.exchanges,
        ElementsAre(ElementsAre(store_directory("/local/domain/1/console"),
                                store_directory("/local/domain/2/console"),
                                store_remove("/local/domain/1"), store_remove("/local/domain/2"))));
}

TEST(Destroy, RemovesAgainWhereXenconsoledMayYetWriteATerminal) {
    FakeHost host;
    const DomainId met = host.add_guest(small_guest());
    const DomainId unmet = host.add_guest(small_guest());
    host.store.nodes.erase("/local/domain/2/console/tty");
    host.store.exchanges.clear();
    destroy(host, {met, unmet});
    ASSERT_EQ(host.store.exchanges.size(), 2U);
    EXPECT_THAT(host.store.exchanges.back(), ElementsAre(store_remove("/local/domain/2")));
}

TEST(Destroy, PausedGuestIsNotPausedAgain) {
    FakeHost host;
    const DomainId id = host.add_guest(small_guest());
    host.hypervisor.domain(id).pauses = 1;
    destroy(host, {id});
    EXPECT_THAT(host.hypervisor.calls, ElementsAre("info 1", "destroy 1"));
}

TEST(Destroy, GuestsThatEndedByThemselvesAreDestroyed) {
    FakeHost host;
    const Holdings before = holdings(host);
    const DomainId id = host.add_guest(small_guest());
    host.hypervisor.end(id, ShutdownReason::crash);
    destroy(host, {id});
    EXPECT_EQ(holdings(host), before);
}

TEST(Destroy, SameIdTwiceIsDestroyedOnce) {
    FakeHost host;
    const Holdings before = holdings(host);
    const DomainId id = host.add_guest(small_guest());
    EXPECT_NO_THROW(destroy(host, {id, id}));
    EXPECT_EQ(holdings(host), before);
}

TEST(Destroy, ForeignGuestGoesWithItsBackendsAndTheNotesOfItsToolstack) {
    FakeHost host;
    host.store.write("/local/domain/0/backend/vif", "");
    const Holdings before = holdings(host);
    destroy(host, {host.add_foreign("theirs")});
    EXPECT_EQ(holdings(host).domains, before.domains);
    for (const char* const path : {"/local/domain/1", "/local/domain/0/backend/vif/1", "/libxl/1",
                                   "/vm/01010101-0101-0101-0101-010101010101"})
        EXPECT_FALSE(host.store.exists(path)) << path;
}

TEST(Destroy, NeighboursOfAForeignGuestStay) {
    FakeHost host;
    const DomainId first = host.add_foreign("one");
    const DomainId tenth(10);
    host.hypervisor.next_id = tenth.value();
    host.add_foreign("ten");
    destroy(host, {first});
    EXPECT_THAT(existing(host), ElementsAre(tenth));
    for (const char* const path :
         {"/local/domain/10/name", "/local/domain/0/backend/vif/10/0/state", "/libxl/10/type",
          "/vm/0a0a0a0a-0a0a-0a0a-0a0a-0a0a0a0a0a0a/name"})
        EXPECT_TRUE(host.store.exists(path)) << path;
}

TEST(Destroy, HostWithoutAnyBackendIsNoError) {
    FakeHost host;
    const DomainId id = host.add_foreign("theirs");
    host.store.exchange(std::vector{store_remove("/local/domain/0/backend")});
    EXPECT_NO_THROW(destroy(host, {id}));
    EXPECT_THAT(existing(host), IsEmpty());
}

TEST(Destroy, BackendsThatCannotBeListedAreReportedBeforeAnythingIsRemoved) {
    FakeHost host;
    const DomainId id = host.add_foreign("theirs");
    const auto nodes = host.store.nodes;
    host.faults.refuse("XS_DIRECTORY /local/domain/0/backend", EACCES);
    try {
        destroy(host, {id});
        FAIL() << "destroyed";
    } catch (const Error& error) {
        EXPECT_EQ(error.failure().error, EACCES);
    }
    EXPECT_EQ(host.store.nodes, nodes);
    EXPECT_THAT(existing(host), ElementsAre(id));
}

TEST(Destroy, ControlDomainIsRefusedAndNoOtherGuestTouched) {
    FakeHost host;
    const DomainId id = host.add_guest(small_guest());
    const Holdings before = holdings(host);
    try {
        destroy(host, {id, control_domain});
        FAIL() << "destroyed";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::failed);
        EXPECT_STREQ(error.what(), "domain 0: cannot destroy it: it is the control domain");
    }
    EXPECT_EQ(holdings(host), before);
}

TEST(Destroy, IdThatDoesNotExistIsRefusedAndNoOtherGuestTouched) {
    FakeHost host;
    const DomainId id = host.add_guest(small_guest());
    const Holdings before = holdings(host);
    try {
        destroy(host, {id, DomainId(77)});
        FAIL() << "destroyed";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::no_such_guest);
        EXPECT_EQ(error.failure().domain, DomainId(77));
    }
    EXPECT_EQ(holdings(host), before);
}

TEST(Destroy, NoIdsAskNothing) {
    FakeHost host;
    destroy(host, {});
    EXPECT_THAT(host.hypervisor.calls, IsEmpty());
    EXPECT_THAT(host.store.exchanges, IsEmpty());
}

TEST(Destroy, GuestThatSomebodyElseDestroysMeanwhileIsNoError) {
    for (const char* const moment : {"pause", "send", "destroy"}) {
        SCOPED_TRACE(moment);
        FakeHost host;
        const Holdings before = holdings(host);
        const std::vector<DomainId> ids{host.add_guest(small_guest()),
                                        host.add_guest(small_guest())};
        host.faults.meanwhile(moment, [&] { host.hypervisor.vanish(ids[0]); });
        EXPECT_NO_THROW(destroy(host, ids));
        EXPECT_EQ(holdings(host), before);
    }
}

TEST(Destroy, DomainWhoseMemoryIsHeldLosesItsRecordAndIsLeftDying) {
    FakeHost host;
    const DomainId id = host.add_guest(small_guest());
    host.hypervisor.domain(id).memory_held = true;
    destroy(host, {id});
    EXPECT_THAT(recorded(host), IsEmpty());
    EXPECT_EQ(host.hypervisor.info(id)->state, DomainState::dying);
    EXPECT_NO_THROW(destroy(host, {id}));
}

// Two guests of ours and one of libxl's.
struct Three {
    Three()
        : ids{host.add_guest(small_guest()), host.add_foreign("theirs"),
              host.add_guest(small_guest())} {}
    FakeHost host;
    std::vector<DomainId> ids;
};

// Whatever stopped a destroy, the ids that still exist can be destroyed, and then none is left.
void expect_rest_is_destroyable(FakeHost& host) {
    static_cast<void>(verbs::reap(host.ports(), nobody_runs));
    const std::vector<DomainId> left = existing(host);
    EXPECT_TRUE(std::ranges::includes(left, recorded(host))) << "a record without its domain";
    EXPECT_NO_THROW(destroy(host, left));
    EXPECT_THAT(existing(host), IsEmpty());
    EXPECT_THAT(recorded(host), IsEmpty());
}

TEST(Destroy, AnyPointThatFailsIsReportedAndLeavesGuestsThatCanBeDestroyed) {
    std::size_t point = 0;
    for (;; ++point) {
        Three three;
        three.host.faults.fail_at(point, injected);
        std::optional<Failure> failure;
        try {
            destroy(three.host, three.ids);
        } catch (const Error& error) {
            failure = error.failure();
        }
        if (!three.host.faults.hit())
            break;
        SCOPED_TRACE(testing::Message() << "point " << point << ", " << three.host.faults.what());
        ASSERT_TRUE(failure);
        EXPECT_EQ(failure->error, injected);
        EXPECT_EQ(failure->call, three.host.faults.what());
        three.host.faults.none();
        expect_rest_is_destroyable(three.host);
    }
    // 3 info, 3 pauses, the kinds of backends, 3 looks at consoles and 6 removals, each of these
    // exchanges with its send and receive, 3 destroys
    EXPECT_EQ(point, 3U + 3U + 3U + 11U + 3U);
}

TEST(Destroy, KilledAtAnyPointItLeavesGuestsThatCanBeDestroyed) {
    std::size_t point = 0;
    for (;; ++point) {
        Three three;
        three.host.faults.kill_at(point);
        bool killed = false;
        try {
            destroy(three.host, three.ids);
        } catch (const Killed&) {
            killed = true;
        }
        if (!killed)
            break;
        SCOPED_TRACE(testing::Message() << "killed at " << point);
        three.host.faults.none();
        expect_rest_is_destroyable(three.host);
    }
    EXPECT_EQ(point, 23U);
}

TEST(Destroy, DomainThatCannotBeDestroyedDoesNotSpareTheOthers) {
    FakeHost host;
    const std::vector<DomainId> ids{host.add_guest(small_guest()), host.add_guest(small_guest()),
                                    host.add_guest(small_guest())};
    host.faults.fail_at(3 + 3 + 8, injected);  // the first of three destroys
    EXPECT_THROW(destroy(host, ids), Error);
    EXPECT_EQ(host.faults.what(), "destroy");
    EXPECT_THAT(existing(host), ElementsAre(ids[0]));
}

TEST(Destroy, RecordThatCannotBeRemovedIsNamed) {
    FakeHost host;
    const std::vector<DomainId> ids{host.add_guest(small_guest()), host.add_guest(small_guest())};
    host.faults.refuse("XS_RM /local/domain/2", EACCES);
    try {
        destroy(host, ids);
        FAIL() << "removed";
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(),
                     "cannot remove a guest's record from XenStore: XS_RM /local/domain/2: "
                     "Permission denied");
    }
    EXPECT_THAT(existing(host), IsEmpty());
}

}  // namespace
}  // namespace xcl::test
