// SPDX-License-Identifier: BSD-3-Clause
// suspend: the guest is in its image or it runs, and wake lets one that stands suspended run on.
#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "failure_of.hpp"
#include "record/record.hpp"
#include "suspending.hpp"

namespace xcl::test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

SuspendedGuest suspend(FakeHost& host, DomainId id, const std::string& file,
                       const SuspendOptions& options = {}) {
    return verbs::suspend(host.ports(), id, file, options, any_name);
}

class Suspend : public ::testing::Test {
  protected:
    FakeHost host;
    ImageFolder folder;
};

TEST_F(Suspend, GuestIsInItsImageAndGone) {
    const Holdings before = holdings(host);
    const DomainId id = host.add_guest(small_guest());
    const FakeMemory memory = host.hypervisor.domain(id).memory;
    answers_by_store(host, id);
    const SuspendedGuest result = suspend(host, id, folder.file("a.img"));
    EXPECT_EQ(result.name, "small");
    EXPECT_EQ(result.pages, memory.contents.size());
    EXPECT_EQ(holdings(host).domains, before.domains);
    EXPECT_EQ(holdings(host).nodes, before.nodes);
    const LoadedImage loaded(folder.file("a.img"));
    EXPECT_EQ(loaded.image.guest.config.name, "small");
    EXPECT_EQ(loaded.image.guest.config.console, ConsoleKind::pty);
    EXPECT_EQ(loaded.image.state, memory.state);
    EXPECT_EQ(image::to_pages(loaded.image.pages), memory.pages);
    EXPECT_EQ(loaded.bytes.size(), result.bytes);
    EXPECT_EQ(folder.files(), 1U);
}

TEST_F(Suspend, GuestThatIsDeclinedIsSavedByLibxenguest) {
    const DomainId id = host.add_guest(small_guest());
    host.store.guest_write(id, domain_path(id) + "/data/motd", "hello");
    FakeMemory memory = host.hypervisor.domain(id).memory;
    host.hypervisor.domain(id).memory.declined = "its p2m is strange";
    answers_by_store(host, id);
    const SuspendedGuest result = suspend(host, id, folder.file("a.img"));
    EXPECT_EQ(result.declined, "its p2m is strange");
    EXPECT_FALSE(host.hypervisor.exists(id));
    const LoadedImage loaded(folder.file("a.img"));
    EXPECT_EQ(loaded.image.form, image::MemoryForm::libxenguest);
    EXPECT_EQ(loaded.bytes.size(), result.bytes);
    for (const CreatedGuest& made : verbs::resume(host.ports(), loaded.image, {.count = 2})) {
        EXPECT_TRUE(is_whole(host, made.id));
        EXPECT_TRUE(runs(host, made.id));
        EXPECT_EQ(host.hypervisor.domain(made.id).memory, memory);
        EXPECT_EQ(host.store.value(domain_path(made.id) + "/data/motd"), "hello");
    }
}

TEST_F(Suspend, GuestThatLibxenguestCannotSaveEitherRunsOn) {
    const DomainId id = host.add_guest(small_guest());
    host.hypervisor.domain(id).memory.declined = "its p2m is strange";
    answers_by_store(host, id);
    host.faults.refuse("save a part", EIO);
    const Failure failure =
        failure_of([&] { static_cast<void>(suspend(host, id, folder.file("a.img"))); });
    EXPECT_EQ(failure.error, EIO);
    EXPECT_EQ(failure.hint, "it was left to libxenguest: its p2m is strange");
    EXPECT_TRUE(runs(host, id));
    EXPECT_EQ(folder.files(), 0U);
}

TEST_F(Suspend, CheckpointByLibxenguestRunsOn) {
    const DomainId id = host.add_guest(small_guest());
    host.hypervisor.domain(id).memory.declined = "its p2m is strange";
    answers_by_store(host, id);
    EXPECT_EQ(suspend(host, id, folder.file("a.img"), {.keep = true}).declined,
              "its p2m is strange");
    EXPECT_TRUE(runs(host, id));
    EXPECT_TRUE(folder.has("a.img"));
}

TEST_F(Suspend, GuestDoesNotGrowBeyondWhatItMayHave) {
    const DomainId id = host.add_guest(small_guest());
    FakeDomain& domain = host.hypervisor.domain(id);
    domain.memory.declined = "its p2m is strange";
    domain.max_pages = domain.memory.pages.size() - 1;
    answers_by_store(host, id);
    EXPECT_THAT(
        failure_of([&] { static_cast<void>(suspend(host, id, folder.file("a.img"))); }).problem,
        HasSubstr("of memory that it may have"));
    EXPECT_TRUE(runs(host, id));
    // As libxl records it, whatever Xen's limit is now.
    host.store.write(domain_path(id) + "/memory/static-max",
                     std::to_string(domain.memory.pages.size() * 4));
    static_cast<void>(suspend(host, id, folder.file("a.img")));
    const LoadedImage loaded(folder.file("a.img"));
    EXPECT_TRUE(runs(host, verbs::resume(host.ports(), loaded.image, {}).at(0).id));
}

TEST_F(Suspend, GuestWithoutAConsoleIsNotForLibxenguest) {
    GuestConfig config = small_guest();
    config.console = ConsoleKind::none;
    const DomainId id = host.add_guest(config);
    host.hypervisor.domain(id).memory.declined = "its p2m is strange";
    answers_by_store(host, id);
    const Failure failure =
        failure_of([&] { static_cast<void>(suspend(host, id, folder.file("a.img"))); });
    EXPECT_THAT(failure.problem, HasSubstr("no console"));
    EXPECT_EQ(failure.hint, "it was left to libxenguest: its p2m is strange");
    EXPECT_TRUE(runs(host, id));
    EXPECT_EQ(folder.files(), 0U);
}

TEST_F(Suspend, GuestIsAskedByItsChannelIfItHasOne) {
    const DomainId id = host.add_guest(small_guest());
    answers_by_channel(host, id);
    static_cast<void>(suspend(host, id, folder.file("a.img")));
    EXPECT_THAT(host.hypervisor.calls, Contains("notify 1"));
    for (const auto& exchange : host.store.exchanges)
        EXPECT_THAT(exchange,
                    Not(Contains(store_write("/local/domain/1/control/shutdown", "suspend"))));
    EXPECT_TRUE(folder.has("a.img"));
}

TEST_F(Suspend, GuestThatSuspendsAtOnceIsHeardOfOnAPortOfItsOwn) {
    const DomainId id = host.add_guest(small_guest());
    // Of the binding an event comes, too.
    host.hypervisor.while_listening.emplace_back([] {});
    host.hypervisor.while_listening.emplace_back(
        [&] { host.hypervisor.end(id, ShutdownReason::suspend); });
    host.faults.refuse("XS_WATCH", EBUSY);
    static_cast<void>(suspend(host, id, folder.file("a.img")));
    EXPECT_TRUE(folder.has("a.img"));
    EXPECT_FALSE(host.hypervisor.exists(id));
    EXPECT_EQ(host.hypervisor.heard, 0U);
}

TEST_F(Suspend, GuestThatHasAChannelIsHeardOfOnThat) {
    const DomainId id = host.add_guest(small_guest());
    answers_by_channel(host, id);
    host.hypervisor.on_notify = [&](std::uint16_t) {
        host.hypervisor.while_listening.emplace_back(
            [&] { host.hypervisor.end(id, ShutdownReason::suspend); });
    };
    host.faults.refuse("XS_WATCH", EBUSY);
    static_cast<void>(suspend(host, id, folder.file("a.img")));
    EXPECT_TRUE(folder.has("a.img"));
    EXPECT_THAT(host.hypervisor.calls, Not(Contains("allocate_event_channel 1")));
}

TEST_F(Suspend, GuestThatIsToRunOnGetsNoPort) {
    const DomainId id = host.add_guest(small_guest());
    answers_by_store(host, id);
    static_cast<void>(suspend(host, id, folder.file("a.img"), {.keep = true}));
    EXPECT_TRUE(runs(host, id));
    EXPECT_THAT(host.hypervisor.calls, Not(Contains("allocate_event_channel 1")));
}

TEST_F(Suspend, GuestWithoutAFreePortIsHeardOfByTheStore) {
    const DomainId id = host.add_guest(small_guest());
    answers_by_store(host, id);
    host.faults.refuse("allocate_event_channel", ENOSPC);
    static_cast<void>(suspend(host, id, folder.file("a.img")));
    EXPECT_TRUE(folder.has("a.img"));
}

TEST_F(Suspend, GuestThatSendsEventsWithoutEndIsWaitedForNoLonger) {
    const DomainId id = host.add_guest(small_guest());
    const std::function<void()> event = [&] { host.hypervisor.while_listening.push_back(event); };
    host.hypervisor.while_listening.push_back(event);
    EXPECT_THAT(
        failure_of([&] { static_cast<void>(suspend(host, id, folder.file("a.img"))); }).problem,
        HasSubstr("did not answer"));
    EXPECT_TRUE(runs(host, id));
}

TEST_F(Suspend, GuestThatEndsInsteadWhileItIsListenedToIsReported) {
    const DomainId id = host.add_guest(small_guest());
    host.hypervisor.while_listening.emplace_back(
        [&] { host.hypervisor.end(id, ShutdownReason::crash); });
    EXPECT_THAT(
        failure_of([&] { static_cast<void>(suspend(host, id, folder.file("a.img"))); }).problem,
        HasSubstr("ended instead"));
    EXPECT_EQ(folder.files(), 0U);
    EXPECT_EQ(host.hypervisor.heard, 0U);
}

TEST_F(Suspend, GuestWhoseChannelIsClosedIsAskedByControlShutdown) {
    const DomainId id = host.add_guest(small_guest());
    answers_by_channel(host, id);
    host.hypervisor.domain(id).suspend_port.reset();
    answers_by_store(host, id);
    static_cast<void>(suspend(host, id, folder.file("a.img")));
    EXPECT_TRUE(folder.has("a.img"));
}

TEST_F(Suspend, CheckpointedGuestRunsOnAndItsNextEndIsHeardOf) {
    const DomainId id = host.add_guest(small_guest());
    answers_by_store(host, id);
    for (const char* const name : {"a.img", "b.img", "c.img"}) {
        static_cast<void>(suspend(host, id, folder.file(name), {.keep = true}));
        EXPECT_TRUE(runs(host, id));
        EXPECT_TRUE(folder.has(name));
        EXPECT_THAT(host.store.told, IsEmpty());
    }
    EXPECT_EQ(host.hypervisor.domain(id).cancelled, 3U);
}

TEST_F(Suspend, WhatTheGuestKeepsInXenStoreIsInItsImage) {
    const DomainId id = host.add_guest(small_guest());
    host.store.guest_write(id, domain_path(id) + "/data/clickos/0/config", "Idle -> Discard;");
    answers_by_store(host, id);
    static_cast<void>(suspend(host, id, folder.file("a.img")));
    const LoadedImage loaded(folder.file("a.img"));
    EXPECT_THAT(
        loaded.image.guest.store,
        Contains(image::StoreEntry{.path = "data/clickos/0/config", .value = "Idle -> Discard;"}));
}

TEST_F(Suspend, GuestThatDoesNotAnswerRunsOnAndIsNotAskedAnyMore) {
    const DomainId id = host.add_guest(small_guest());
    const Failure failure =
        failure_of([&] { static_cast<void>(suspend(host, id, folder.file("a.img"))); });
    EXPECT_THAT(failure.problem, HasSubstr("did not answer within 10 s, and runs on"));
    EXPECT_TRUE(runs(host, id));
    EXPECT_EQ(host.store.value("/local/domain/1/control/shutdown"), "");
    EXPECT_EQ(folder.files(), 0U);
}

TEST_F(Suspend, GuestThatAnswersTooLateRunsOn) {
    const DomainId id = host.add_guest(small_guest());
    answers_by_channel(host, id);
    // Four looks, then the deadline has passed; it suspends while it is listened to still.
    host.hypervisor.on_notify = [](std::uint16_t) {};
    unsigned looks = 0;
    std::function<void()> look = [&] {
        if (++looks == 5)
            host.hypervisor.end(id, ShutdownReason::suspend);
        else
            host.faults.meanwhile("info", look);
    };
    host.faults.meanwhile("notify", [&] { host.faults.meanwhile("info", look); });
    const Failure failure =
        failure_of([&] { static_cast<void>(suspend(host, id, folder.file("a.img"))); });
    EXPECT_THAT(failure.problem, HasSubstr("did not answer"));
    EXPECT_EQ(looks, 5U);
    EXPECT_TRUE(runs(host, id));
    EXPECT_EQ(host.hypervisor.domain(id).cancelled, 1U);
    EXPECT_EQ(folder.files(), 0U);
}

TEST_F(Suspend, GuestThatEndsInsteadIsReported) {
    const DomainId id = host.add_guest(small_guest());
    host.store.while_asleep.emplace_back([&] { host.hypervisor.end(id, ShutdownReason::crash); });
    EXPECT_THAT(
        failure_of([&] { static_cast<void>(suspend(host, id, folder.file("a.img"))); }).problem,
        HasSubstr("ended instead"));
    EXPECT_EQ(folder.files(), 0U);
}

TEST_F(Suspend, GuestThatIsDestroyedMeanwhileIsReported) {
    const DomainId id = host.add_guest(small_guest());
    host.store.while_asleep.emplace_back([&] { host.hypervisor.vanish(id); });
    EXPECT_THAT(
        failure_of([&] { static_cast<void>(suspend(host, id, folder.file("a.img"))); }).problem,
        HasSubstr("destroyed meanwhile"));
    EXPECT_EQ(folder.files(), 0U);
}

TEST_F(Suspend, GuestWhoseTablesNameStrangersRunsOn) {
    const DomainId id = host.add_guest(small_guest());
    host.hypervisor.domain(id).memory.names_strangers = true;
    answers_by_store(host, id);
    EXPECT_THAT(
        failure_of([&] { static_cast<void>(suspend(host, id, folder.file("a.img"))); }).problem,
        HasSubstr("names memory that is not its own"));
    EXPECT_TRUE(runs(host, id));
    EXPECT_EQ(folder.files(), 0U);
}

TEST_F(Suspend, FileThatIsThereIsKeptAndTheGuestNotAsked) {
    const DomainId id = host.add_guest(small_guest());
    answers_by_store(host, id);
    static_cast<void>(suspend(host, id, folder.file("a.img"), {.keep = true}));
    EXPECT_THAT(
        failure_of([&] { static_cast<void>(suspend(host, id, folder.file("a.img"))); }).problem,
        HasSubstr("there is a file of this name already"));
    EXPECT_EQ(host.hypervisor.domain(id).cancelled, 1U);
    static_cast<void>(suspend(host, id, folder.file("a.img"), {.overwrite = true}));
    EXPECT_FALSE(host.hypervisor.exists(id));
}

TEST_F(Suspend, SecondProcessIsToldOfTheFirst) {
    const DomainId id = host.add_guest(small_guest());
    const auto taken = [](const std::string& name) -> std::optional<Descriptor> {
        EXPECT_EQ(name, "cosmos-suspend-1");
        return std::nullopt;
    };
    EXPECT_THAT(
        failure_of([&] {
            static_cast<void>(verbs::suspend(host.ports(), id, folder.file("a.img"), {}, taken));
        }).problem,
        HasSubstr("another process is about to suspend it"));
    EXPECT_TRUE(runs(host, id));
}

TEST_F(Suspend, PausedGuestIsRefused) {
    const DomainId id = host.add_guest(small_guest());
    host.hypervisor.pause(id);
    EXPECT_THAT(
        failure_of([&] { static_cast<void>(suspend(host, id, folder.file("a.img"))); }).problem,
        HasSubstr("it is paused"));
}

TEST_F(Suspend, GuestOfXlWithADiskIsRefused) {
    const DomainId id = host.add_foreign("web");
    host.store.write(domain_path(id) + "/device/vbd/51712/state", "4");
    EXPECT_THAT(
        failure_of([&] { static_cast<void>(suspend(host, id, folder.file("a.img"))); }).problem,
        HasSubstr("a device of kind vbd"));
    EXPECT_TRUE(runs(host, id));
}

TEST_F(Suspend, GuestThatAKilledProcessLeftSuspendedIsTakenAsItIs) {
    const DomainId id = host.add_guest(small_guest());
    host.hypervisor.end(id, ShutdownReason::suspend);
    static_cast<void>(suspend(host, id, folder.file("a.img")));
    EXPECT_FALSE(host.hypervisor.exists(id));
    EXPECT_TRUE(folder.has("a.img"));
}

TEST_F(Suspend, GuestThatAKilledProcessListenedToIsHeardOf) {
    const DomainId id = host.add_guest(small_guest());
    host.hypervisor.domain(id).suspends_unheard = true;
    answers_by_store(host, id);
    static_cast<void>(suspend(host, id, folder.file("a.img"), {.keep = true}));
    EXPECT_TRUE(runs(host, id));
    EXPECT_TRUE(folder.has("a.img"));
}

TEST_F(Suspend, GuestThatAKilledProcessLeftSuspendedIsWoken) {
    const DomainId id = host.add_guest(small_guest());
    host.hypervisor.domain(id).suspends_unheard = true;
    host.hypervisor.end(id, ShutdownReason::suspend);
    verbs::wake(host.ports(), {&id, 1}, any_name);
    EXPECT_TRUE(runs(host, id));
    EXPECT_FALSE(host.hypervisor.domain(id).suspends_unheard);
    EXPECT_THAT(host.store.told, IsEmpty());
    EXPECT_THAT(failure_of([&] {
                    verbs::wake(host.ports(), {&id, 1}, any_name);
                }).problem,
                HasSubstr("it is not suspended"));
}

TEST_F(Suspend, GuestWhoseRecordIsGoneIsNotWoken) {
    const DomainId id = host.add_guest(small_guest());
    host.hypervisor.end(id, ShutdownReason::suspend);
    host.store.exchange(guest_removal(id, false));
    EXPECT_THAT(failure_of([&] {
                    verbs::wake(host.ports(), {&id, 1}, any_name);
                }).problem,
                HasSubstr("about to be destroyed"));
    EXPECT_FALSE(runs(host, id));
}

// Killed here, it leaves a guest that wakes.
TEST_F(Suspend, GuestThatStandsSuspendedIsNotPausedToBeDestroyed) {
    const DomainId id = host.add_guest(small_guest());
    answers_by_store(host, id);
    static_cast<void>(suspend(host, id, folder.file("a.img")));
    EXPECT_FALSE(host.hypervisor.exists(id));
    EXPECT_THAT(host.hypervisor.calls, Not(Contains(StartsWith("pause"))));
}

}  // namespace
}  // namespace xcl::test
