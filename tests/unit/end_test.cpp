// SPDX-License-Identifier: BSD-3-Clause
// shutdown and reboot: guests are asked, awaited without polling, and collected.
#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "failure_of.hpp"
#include "fakes.hpp"
#include "record/record.hpp"

namespace xcl::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::chrono::milliseconds timeout{1500};

std::vector<EndedGuest> end_and_wait(FakeHost& host, const std::vector<DomainId>& ids,
                                     EndRequest request = EndRequest::poweroff) {
    return verbs::end_and_wait(host.ports(), ids, request, timeout);
}

// The guest does what it is asked for: acknowledges, then acts.
std::function<void()> obeys(FakeHost& host, DomainId id) {
    return [&host, id] {
        const std::string path = domain_path(id) + "/control/shutdown";
        const std::string asked = host.store.value(path);
        ASSERT_EQ(host.store.guest_write(id, path, ""), 0);
        ASSERT_TRUE(asked == "poweroff" || asked == "reboot") << asked;
        host.hypervisor.end(id,
                            asked == "reboot" ? ShutdownReason::reboot : ShutdownReason::poweroff);
    };
}

TEST(RequestEnd, WritesTheRequestForEachGuestInOneExchange) {
    FakeHost host;
    const std::vector<DomainId> ids{host.add_guest(small_guest()), host.add_foreign("theirs")};
    host.store.exchanges.clear();
    verbs::request_end(host.hypervisor, host.store, ids, EndRequest::reboot);
    EXPECT_THAT(
        host.store.exchanges,
        ElementsAre(ElementsAre(store_write("/local/domain/1/control/shutdown", "reboot"),
                                store_write("/local/domain/2/control/shutdown", "reboot"))));
}

TEST(RequestEnd, GuestThatEndedAlreadyIsNotAsked) {
    FakeHost host;
    const DomainId id = host.add_guest(small_guest());
    host.hypervisor.end(id, ShutdownReason::crash);
    verbs::request_end(host.hypervisor, host.store, std::vector{id}, EndRequest::poweroff);
    EXPECT_EQ(host.store.value("/local/domain/1/control/shutdown"), "");
}

TEST(RequestEnd, IdThatDoesNotExistIsRefusedAndNobodyAsked) {
    FakeHost host;
    const std::vector<DomainId> ids{host.add_guest(small_guest()), DomainId(9)};
    const Holdings before = holdings(host);
    const Failure failure = failure_of(
        [&] { verbs::request_end(host.hypervisor, host.store, ids, EndRequest::poweroff); });
    EXPECT_EQ(failure.kind, ErrorKind::no_such_guest);
    EXPECT_EQ(failure.domain, DomainId(9));
    EXPECT_EQ(holdings(host), before);
}

TEST(RequestEnd, RefusedRequestNamesItsGuest) {
    FakeHost host;
    const std::vector<DomainId> ids{host.add_guest(small_guest()), host.add_guest(small_guest())};
    host.faults.refuse("XS_WRITE /local/domain/2/control/shutdown", EACCES);
    const Failure failure = failure_of(
        [&] { verbs::request_end(host.hypervisor, host.store, ids, EndRequest::poweroff); });
    EXPECT_EQ(failure.domain, DomainId(2));
    EXPECT_EQ(failure.error, EACCES);
}

TEST(EndAndWait, GuestThatObeysIsCollectedAndLeavesNothing) {
    for (const auto& [request, reason] : {std::pair(EndRequest::poweroff, ShutdownReason::poweroff),
                                          std::pair(EndRequest::reboot, ShutdownReason::reboot)}) {
        FakeHost host;
        const Holdings before = holdings(host);
        const DomainId id = host.add_guest(small_guest());
        host.store.while_asleep = {obeys(host, id)};
        const auto ended = end_and_wait(host, {id}, request);
        ASSERT_THAT(ended, SizeIs(1));
        EXPECT_EQ(ended[0].id, id);
        EXPECT_EQ(ended[0].reason, reason);
        EXPECT_TRUE(ended[0].collected);
        EXPECT_EQ(holdings(host), before);
    }
}

TEST(EndAndWait, GuestsThatEndOneAfterTheOtherAreAllAwaited) {
    FakeHost host;
    const std::vector<DomainId> ids{host.add_guest(small_guest()), host.add_guest(small_guest()),
                                    host.add_guest(small_guest())};
    host.store.while_asleep = {obeys(host, ids[2]), obeys(host, ids[0]), obeys(host, ids[1])};
    EXPECT_THAT(end_and_wait(host, ids), SizeIs(3));
    EXPECT_THAT(existing(host), IsEmpty());
    EXPECT_THAT(recorded(host), IsEmpty());
}

TEST(EndAndWait, GuestThatEndsBeforeItIsLookedAtIsNotWaitedFor) {
    FakeHost host;
    const DomainId id = host.add_guest(small_guest());
    // It obeys while the request's reply is under way.
    host.faults.meanwhile("recv", obeys(host, id));
    EXPECT_THAT(end_and_wait(host, {id}), SizeIs(1));
}

TEST(EndAndWait, AsksTheHypervisorOnlyWhenSomeDomainEnded) {
    FakeHost host;
    const DomainId id = host.add_guest(small_guest());
    host.store.while_asleep = {obeys(host, id)};
    end_and_wait(host, {id});
    // Is it there, the look after the request, after the watch's first event, after the end.
    EXPECT_THAT(host.hypervisor.calls,
                ElementsAre("info 1", "info 1", "info 1", "info 1", "pause 1", "destroy 1"));
}

TEST(EndAndWait, EndOfSomebodyElseDoesNotEndTheWait) {
    FakeHost host;
    const DomainId id = host.add_guest(small_guest());
    const DomainId other = host.add_guest(small_guest());
    host.store.while_asleep = {[&] { host.hypervisor.end(other, ShutdownReason::crash); },
                               obeys(host, id)};
    const auto ended = end_and_wait(host, {id});
    ASSERT_THAT(ended, SizeIs(1));
    EXPECT_EQ(ended[0].id, id);
    EXPECT_THAT(existing(host), ElementsAre(other));
}

TEST(EndAndWait, GuestThatItsConfigPreservesIsNotCollected) {
    FakeHost host;
    GuestConfig config = small_guest();
    config.on_poweroff = EndAction::preserve;
    const DomainId id = host.add_guest(config);
    host.store.while_asleep = {obeys(host, id)};
    const auto ended = end_and_wait(host, {id});
    ASSERT_THAT(ended, SizeIs(1));
    EXPECT_FALSE(ended[0].collected);
    EXPECT_TRUE(host.hypervisor.exists(id));
    EXPECT_THAT(recorded(host), ElementsAre(id));
}

TEST(EndAndWait, GuestOfAnotherToolstackIsLeftToIt) {
    FakeHost host;
    const DomainId id = host.add_foreign("theirs");
    host.store.while_asleep = {[&] { host.hypervisor.end(id, ShutdownReason::poweroff); }};
    const auto ended = end_and_wait(host, {id});
    ASSERT_THAT(ended, SizeIs(1));
    EXPECT_FALSE(ended[0].collected);
    EXPECT_TRUE(host.hypervisor.exists(id));
    EXPECT_TRUE(host.store.exists("/local/domain/1/name"));
}

TEST(EndAndWait, GuestThatCrashesInsteadIsReportedAsCrashed) {
    FakeHost host;
    const DomainId id = host.add_guest(small_guest());
    host.store.while_asleep = {[&] { host.hypervisor.end(id, ShutdownReason::crash); }};
    const auto ended = end_and_wait(host, {id});
    ASSERT_THAT(ended, SizeIs(1));
    EXPECT_EQ(ended[0].reason, ShutdownReason::crash);
}

TEST(EndAndWait, GuestThatSomebodyDestroysMeanwhileCountsAsGone) {
    FakeHost host;
    const DomainId id = host.add_guest(small_guest());
    host.store.while_asleep = {[&] { verbs::destroy(host.ports(), std::vector{id}); }};
    const auto ended = end_and_wait(host, {id});
    ASSERT_THAT(ended, SizeIs(1));
    EXPECT_FALSE(ended[0].reason);
    EXPECT_FALSE(ended[0].collected);
}

TEST(EndAndWait, AnotherGuestUnderTheSameIdIsNotCollected) {
    FakeHost host;
    const DomainId id = host.add_guest(small_guest());
    host.store.while_asleep = {[&] {
        verbs::destroy(host.ports(), std::vector{id});
        host.hypervisor.next_id = id.value();
        host.hypervisor.end(host.add_guest(small_guest()), ShutdownReason::poweroff);
    }};
    const auto ended = end_and_wait(host, {id});
    ASSERT_THAT(ended, SizeIs(1));
    EXPECT_FALSE(ended[0].reason);
    EXPECT_TRUE(host.hypervisor.exists(id));
    EXPECT_THAT(recorded(host), ElementsAre(id));
}

TEST(EndAndWait, GuestThatIsReapedBeforeItIsCollectedIsNoError) {
    FakeHost host;
    const Holdings before = holdings(host);
    const DomainId id = host.add_guest(small_guest());
    host.store.while_asleep = {obeys(host, id)};
    host.faults.meanwhile("pause", [&] {
        static_cast<void>(verbs::reap(host.ports(), [](const ProcessStamp&) { return true; }));
    });
    EXPECT_NO_THROW(end_and_wait(host, {id}));
    EXPECT_EQ(holdings(host), before);
}

TEST(EndAndWait, TimeoutNamesThoseThatHaveNotEndedAndCollectsTheOthers) {
    FakeHost host;
    const std::vector<DomainId> ids{host.add_guest(small_guest()), host.add_guest(small_guest()),
                                    host.add_guest(small_guest())};
    host.store.while_asleep = {obeys(host, ids[1])};
    try {
        end_and_wait(host, ids);
        FAIL() << "all ended";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::failed);
        EXPECT_STREQ(error.what(), "cannot wait for poweroff: not ended within 1.5 s: domain 1,3");
        EXPECT_EQ(error.failure().hint, "'cosmos destroy 1,3' ends them at once");
    }
    EXPECT_THAT(existing(host), ElementsAre(ids[0], ids[2]));
    EXPECT_THAT(recorded(host), ElementsAre(ids[0], ids[2]));
}

TEST(EndAndWait, WatchEndsWithTheWait) {
    FakeHost host;
    const DomainId id = host.add_guest(small_guest());
    host.faults.meanwhile("send", [&] {
        EXPECT_THAT(host.store.watches, ElementsAre(std::pair("@releaseDomain", "xcl")));
    });
    EXPECT_THROW(end_and_wait(host, {id}), Error);
    EXPECT_THAT(host.store.watches, IsEmpty());
}

TEST(EndAndWait, WatchThatIsRefusedMeansThatNobodyIsAsked) {
    FakeHost host;
    const DomainId id = host.add_guest(small_guest());
    host.faults.refuse("XS_WATCH", EBUSY);
    EXPECT_EQ(failure_of([&] { end_and_wait(host, {id}); }).error, EBUSY);
    EXPECT_EQ(host.store.value("/local/domain/1/control/shutdown"), "");
}

TEST(EndAndWait, AnyPointThatFailsLeavesGuestsThatCanBeDestroyed) {
    constexpr int injected = EXDEV;
    std::size_t point = 0;
    for (;; ++point) {
        FakeHost host;
        const Holdings before = holdings(host);
        const std::vector<DomainId> ids{host.add_guest(small_guest()),
                                        host.add_guest(small_guest())};
        host.store.while_asleep = {obeys(host, ids[0]), obeys(host, ids[1])};
        host.faults.fail_at(point, injected);
        std::optional<Failure> failure;
        try {
            end_and_wait(host, ids);
        } catch (const Error& error) {
            failure = error.failure();
        }
        if (!host.faults.hit())
            break;
        SCOPED_TRACE(testing::Message() << "point " << point << ", " << host.faults.what());
        // The end of a watch cannot fail while the daemon lives, and matters to nobody after.
        if (host.faults.what() != "XS_UNWATCH") {
            ASSERT_TRUE(failure);
            EXPECT_EQ(failure->error, injected);
        }
        host.faults.none();
        static_cast<void>(verbs::reap(host.ports(), [](const ProcessStamp&) { return false; }));
        EXPECT_EQ(recorded(host), existing(host));
        verbs::destroy(host.ports(), existing(host));
        EXPECT_EQ(holdings(host), before);
    }
    EXPECT_GE(point, 20U);
}

}  // namespace
}  // namespace xcl::test
