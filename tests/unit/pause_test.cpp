// SPDX-License-Identifier: BSD-3-Clause
// pause and unpause: a state, although Xen counts.
#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes.hpp"

namespace xcl::test {
namespace {

using ::testing::ElementsAre;

void pause(FakeHost& host, const std::vector<DomainId>& ids) {
    verbs::pause(host.hypervisor, ids);
}
void unpause(FakeHost& host, const std::vector<DomainId>& ids) {
    verbs::unpause(host.hypervisor, ids);
}

TEST(Pause, HoldsAllGuestsAndUnpauseLetsThemGo) {
    FakeHost host;
    const std::vector<DomainId> ids{host.add_guest(small_guest()), host.add_foreign("theirs")};
    pause(host, ids);
    for (const DomainId id : ids)
        EXPECT_EQ(host.hypervisor.info(id)->state, DomainState::paused);
    unpause(host, ids);
    for (const DomainId id : ids)
        EXPECT_EQ(host.hypervisor.info(id)->state, DomainState::blocked);
}

TEST(Pause, TwiceIsUndoneByOneUnpause) {
    FakeHost host;
    const DomainId id = host.add_guest(small_guest());
    pause(host, {id});
    pause(host, {id});
    unpause(host, {id});
    EXPECT_EQ(host.hypervisor.domain(id).pauses, 0U);
}

TEST(Pause, UnpauseOfARunningGuestIsNoError) {
    FakeHost host;
    const DomainId id = host.add_guest(small_guest());
    EXPECT_NO_THROW(unpause(host, {id}));
    EXPECT_EQ(host.hypervisor.domain(id).pauses, 0U);
}

TEST(Pause, GuestThatWasCreatedPausedRunsAfterUnpause) {
    FakeHost host;
    const auto guests = verbs::create(host.ports(), blueprint_of(small_guest()),
                                      {.paused = true, .on_created = {}});
    unpause(host, {guests.at(0).id});
    EXPECT_EQ(host.hypervisor.domain(guests.at(0).id).pauses, 0U);
}

TEST(Pause, IdThatDoesNotExistIsRefusedBeforeAnyGuestIsTouched) {
    FakeHost host;
    const DomainId id = host.add_guest(small_guest());
    for (const auto verb : {pause, unpause}) {
        const Holdings before = holdings(host);
        try {
            verb(host, {id, DomainId(5)});
            FAIL() << "no error";
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::no_such_guest);
            EXPECT_STREQ(error.what(), "domain 5: no such guest");
        }
        EXPECT_EQ(holdings(host), before);
    }
}

TEST(Pause, ControlDomainIsRefused) {
    FakeHost host;
    for (const auto verb : {pause, unpause}) {
        EXPECT_THROW(verb(host, {control_domain}), Error);
        EXPECT_EQ(host.hypervisor.domain(control_domain).pauses, 0U);
    }
}

TEST(Pause, CallThatFailsIsReported) {
    FakeHost host;
    const DomainId id = host.add_guest(small_guest());
    host.faults.refuse("pause", EPERM);
    try {
        pause(host, {id});
        FAIL() << "no error";
    } catch (const Error& error) {
        EXPECT_EQ(error.failure().error, EPERM);
    }
    EXPECT_THAT(host.hypervisor.calls, ElementsAre("info 1", "pause 1"));
}

}  // namespace
}  // namespace xcl::test
