// SPDX-License-Identifier: BSD-3-Clause
// info, names, find and console_path: what XenStore knows of guests.
#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "failure_of.hpp"
#include "fakes.hpp"
#include "record/record.hpp"

namespace xcl::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::chrono::milliseconds timeout{1000};

GuestConfig named(const std::string& name) {
    GuestConfig config = small_guest();
    config.name = name;
    return config;
}

TEST(Names, ComeInTheOrderAskedForInOneExchange) {
    FakeHost host;
    const DomainId web = host.add_guest(named("web"));
    const DomainId mail = host.add_guest(named("mail"));
    host.store.exchanges.clear();
    EXPECT_THAT(verbs::names(host.store, std::vector{mail, control_domain, web}),
                ElementsAre("mail", "Domain-0", "web"));
    EXPECT_THAT(host.store.exchanges, SizeIs(1));
}

TEST(Names, DomainWithoutOneHasAnEmptyName) {
    FakeHost host;
    const DomainId id = host.add_guest(named("web"));
    EXPECT_THAT(verbs::names(host.store, std::vector{DomainId(9), id}), ElementsAre("", "web"));
}

TEST(Info, TellsStateNameAndTerminal) {
    FakeHost host;
    const DomainId id = host.add_guest(named("web"));
    host.store.write("/local/domain/1/console/tty", "/dev/pts/3");
    const GuestDetails details = verbs::info(host.ports(), id);
    EXPECT_EQ(details.domain.id, id);
    EXPECT_EQ(details.domain.state, DomainState::blocked);
    EXPECT_EQ(details.domain.memory_kib, 4096U);
    EXPECT_TRUE(details.domain.ours);
    EXPECT_FALSE(details.domain.unfinished);
    EXPECT_EQ(details.name, "web");
    EXPECT_EQ(details.console, "/dev/pts/3");
}

TEST(Info, GuestWithoutNameAndTerminalHasEmptyOnes) {
    FakeHost host;
    const DomainId id = host.add_foreign("theirs");
    host.store.exchange(guest_removal(id, false));
    const GuestDetails details = verbs::info(host.ports(), id);
    EXPECT_EQ(details.name, "");
    EXPECT_EQ(details.console, "");
    EXPECT_FALSE(details.domain.ours);
}

TEST(Info, ControlDomainMayBeAskedFor) {
    FakeHost host;
    EXPECT_EQ(verbs::info(host.ports(), control_domain).name, "Domain-0");
}

TEST(Info, IdThatDoesNotExistIsRefusedWithoutAskingXenStore) {
    FakeHost host;
    const Failure failure =
        failure_of([&] { static_cast<void>(verbs::info(host.ports(), DomainId(9))); });
    EXPECT_EQ(failure.kind, ErrorKind::no_such_guest);
    EXPECT_EQ(failure.domain, DomainId(9));
    EXPECT_THAT(host.store.exchanges, IsEmpty());
}

TEST(Find, NameLeadsToItsId) {
    FakeHost host;
    host.add_guest(named("web"));
    const DomainId mail = host.add_foreign("mail");
    EXPECT_EQ(verbs::find(host.hypervisor, host.store, "mail"), mail);
}

TEST(Find, WaitsForXenStoreOnce) {
    FakeHost host;
    host.add_guest(named("web"));
    static_cast<void>(verbs::find(host.hypervisor, host.store, "web"));
    EXPECT_THAT(host.store.exchanges, SizeIs(1));
}

TEST(Find, NameThatNobodyHasIsNoSuchGuest) {
    FakeHost host;
    host.add_guest(named("web"));
    const Failure failure =
        failure_of([&] { static_cast<void>(verbs::find(host.hypervisor, host.store, "we")); });
    EXPECT_EQ(failure.kind, ErrorKind::no_such_guest);
    EXPECT_EQ(failure.problem, "no guest is named 'we'");
}

TEST(Find, NameThatTwoHaveIsRefusedWithBothIds) {
    FakeHost host;
    host.add_guest(named("web"));
    host.add_guest(named("mail"));
    host.add_guest(named("web"));
    const Failure failure =
        failure_of([&] { static_cast<void>(verbs::find(host.hypervisor, host.store, "web")); });
    EXPECT_EQ(failure.kind, ErrorKind::failed);
    EXPECT_THAT(failure.problem, HasSubstr("domains 1 and 3"));
}

TEST(Find, RecordWithoutADomainHasNoName) {
    FakeHost host;
    host.hypervisor.vanish(host.add_guest(named("web")));
    EXPECT_THROW(static_cast<void>(verbs::find(host.hypervisor, host.store, "web")), Error);
    const DomainId second = host.add_guest(named("web"));
    EXPECT_EQ(verbs::find(host.hypervisor, host.store, "web"), second);
}

std::string console_path(FakeHost& host, DomainId id) {
    return verbs::console_path(host.hypervisor, host.store, id, timeout);
}

TEST(ConsolePath, TerminalThatIsThereIsReturnedWithoutAWatch) {
    FakeHost host;
    const DomainId id = host.add_guest(small_guest());
    host.store.write("/local/domain/1/console/tty", "/dev/pts/7");
    host.faults.refuse("XS_WATCH", EBUSY);
    EXPECT_EQ(console_path(host, id), "/dev/pts/7");
}

TEST(ConsolePath, TerminalThatXenconsoledOffersLaterIsAwaited) {
    FakeHost host;
    const DomainId id = host.add_guest(small_guest());
    host.store.while_asleep = {
        [&] { host.store.write("/local/domain/1/console/tty", ""); },
        [&] { host.store.write("/local/domain/1/console/tty", "/dev/pts/7"); }};
    EXPECT_EQ(console_path(host, id), "/dev/pts/7");
    EXPECT_THAT(host.store.watches, IsEmpty());
}

TEST(ConsolePath, TerminalOfferedBetweenLookAndWatchIsSeen) {
    FakeHost host;
    const DomainId id = host.add_guest(small_guest());
    host.faults.meanwhile("XS_WATCH",
                          [&] { host.store.write("/local/domain/1/console/tty", "/dev/pts/7"); });
    EXPECT_EQ(console_path(host, id), "/dev/pts/7");
}

TEST(ConsolePath, NoTerminalWithinTheTimeoutPointsToXenconsoled) {
    FakeHost host;
    const DomainId id = host.add_guest(small_guest());
    host.store.nodes.erase("/local/domain/1/console/tty");
    const Failure failure = failure_of([&] { static_cast<void>(console_path(host, id)); });
    EXPECT_EQ(failure.domain, id);
    EXPECT_THAT(failure.problem, HasSubstr("xenconsoled offers no terminal"));
    EXPECT_THAT(host.store.watches, IsEmpty());
}

TEST(ConsolePath, GuestWithoutConsoleIsRefusedAtOnce) {
    FakeHost host;
    GuestConfig config = small_guest();
    config.console = ConsoleKind::none;
    const DomainId id = host.add_guest(config);
    host.faults.refuse("XS_WATCH", EBUSY);
    const Failure failure = failure_of([&] { static_cast<void>(console_path(host, id)); });
    EXPECT_THAT(failure.problem, HasSubstr("without one"));
}

TEST(ConsolePath, ControlDomainAndIdsThatDoNotExistAreRefused) {
    FakeHost host;
    EXPECT_EQ(failure_of([&] { static_cast<void>(console_path(host, DomainId(4))); }).kind,
              ErrorKind::no_such_guest);
    EXPECT_EQ(failure_of([&] { static_cast<void>(console_path(host, control_domain)); }).problem,
              "it is the control domain");
}

}  // namespace
}  // namespace xcl::test
