// SPDX-License-Identifier: BSD-3-Clause
// create with vifs: a guest runs only once its vifs are on their switches, and guests of a batch do
// not wait for each other's.
#include <algorithm>
#include <cerrno>
#include <chrono>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "failure_of.hpp"
#include "fakes.hpp"
#include "record/label.hpp"
#include "record/record.hpp"

namespace xcl::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr std::chrono::milliseconds soon{20};
const VifId first{DomainId(1), 0};

class CreateVif : public ::testing::Test {
  protected:
    CreateVif() {
        host.store.write("/local/domain/0/backend/vif", "");
        host.store.write("/local/domain/0/error/backend/vif", "");
        host.network.add_bridge("xenbr0", parse_ipv4("10.0.0.1/24"));
        before = holdings(host);
    }

    std::vector<CreatedGuest> create(const CreateOptions& options,
                                     const GuestConfig& config = guest_with_vif()) {
        return verbs::create(host.ports(), blueprint_of(config), options);
    }
    Failure refusal(const CreateOptions& options, const GuestConfig& config = guest_with_vif()) {
        return failure_of([&] { static_cast<void>(create(options, config)); });
    }
    [[nodiscard]] unsigned bridge_of(const VifId& vif) const {
        return host.network.vifs.at(vif).bridge_index;
    }

    FakeHost host;
    Holdings before;
};

TEST_F(CreateVif, GuestRunsOnlyOnceItsVifIsOnItsSwitch) {
    host.network.offers_while_asleep = true;
    EXPECT_THAT(create({.on_created = {}}), SizeIs(1));
    EXPECT_TRUE(is_whole(host, first.guest));
    EXPECT_EQ(bridge_of(first), 10U);
    EXPECT_THAT(
        host.hypervisor.calls,
        ElementsAre("switches", "listen", "host_info", "info 0", "create_domain", "set_affinity 1",
                    "allocate_event_channel 1", "allocate_event_channel 1", "build 1",
                    "plug vif1.0 xenbr0", "unpause 1", "set_uuid 1"));
}

TEST_F(CreateVif, PausedGuestIsPluggedInToo) {
    create({.paused = true, .on_created = {}});
    EXPECT_EQ(bridge_of(first), 10U);
    EXPECT_EQ(host.hypervisor.domain(first.guest).pauses, 1U);
}

TEST_F(CreateVif, LabelSaysThatItHasVifs) {
    create({.on_created = {}});
    const auto label = read_label(host.hypervisor.domain(first.guest).uuid);
    EXPECT_TRUE(label->has_vifs);
    EXPECT_FALSE(label->has_scripts);
}

TEST_F(CreateVif, AllVifsOfAGuestArePluggedInBeforeItRuns) {
    GuestConfig config = guest_with_vif();
    config.vifs.emplace_back();
    host.network.offers_while_asleep = true;
    std::size_t plugged = 0;
    host.faults.meanwhile("unpause", [&] { plugged = host.network.plugged_into("xenbr0"); });
    create({.on_created = {}}, config);
    EXPECT_EQ(plugged, 2U);
}

TEST_F(CreateVif, EventsOfOtherGuestsAreIgnored) {
    host.network.listening = true;
    host.network.offers_while_asleep = true;
    using enum NetworkEvent::Kind;
    host.network.events = {{appeared, {DomainId(9), 0}},
                           {connected, {DomainId(9), 0}},
                           {script_ended, {DomainId(9), 0}, "theirs"},
                           {appeared, {first.guest, 7}}};
    create({.on_created = {}});
    EXPECT_THAT(host.hypervisor.calls, Contains("plug vif1.0 xenbr0"));
    EXPECT_THAT(host.hypervisor.calls, Not(Contains(HasSubstr("plug vif9.0"))));
    EXPECT_THAT(host.hypervisor.calls, Not(Contains(HasSubstr("vif1.7"))));
}

TEST_F(CreateVif, LostEventsAreMadeUpForByLooking) {
    host.network.loses_events = true;
    create({.wait_connected = true, .timeout = soon, .on_created = {}});
    EXPECT_TRUE(is_whole(host, first.guest));
    EXPECT_EQ(bridge_of(first), 10U);
}

TEST_F(CreateVif, LossBeforeTheInterfaceIsThereIsNoHarm) {
    host.network.listening = true;
    host.network.offers_while_asleep = true;
    host.network.events = {{.kind = NetworkEvent::Kind::lost, .vif = {}}};
    create({.timeout = soon, .on_created = {}});
    EXPECT_EQ(bridge_of(first), 10U);
}

TEST_F(CreateVif, AutomaticAddressFollowsFromThePortAndIsThereBeforeTheGuestRuns) {
    GuestConfig config = guest_with_vif();
    config.vifs[0].ip.kind = VifAddress::Kind::automatic;
    std::string at_start;
    host.faults.meanwhile("unpause",
                          [&] { at_start = host.store.value(backend_path(first) + "/ip"); });
    create({.count = 2, .on_created = {}}, config);
    EXPECT_EQ(at_start, "10.0.0.2/24");
    EXPECT_EQ(host.store.value(backend_path({DomainId(2), 0}) + "/ip"), "10.0.0.3/24");
}

TEST_F(CreateVif, NetworkTooSmallForThePortIsAnErrorAndLeavesNothing) {
    host.network.bridges[0].address = parse_ipv4("10.0.0.1/31");
    GuestConfig config = guest_with_vif();
    config.vifs[0].ip.kind = VifAddress::Kind::automatic;
    EXPECT_THAT(refusal({.on_created = {}}, config).problem, HasSubstr("too small for port 1"));
    EXPECT_EQ(holdings(host), before);
}

TEST_F(CreateVif, GuestsDoNotWaitForEachOthersInterfaces) {
    host.network.offers_while_asleep = true;
    create({.count = 3, .on_created = {}});
    std::vector<std::string> calls = host.hypervisor.calls;
    std::erase_if(calls, [](const std::string& call) {
        return !call.starts_with("build") && !call.starts_with("plug");
    });
    EXPECT_THAT(calls, ElementsAre("build 1", "build 2", "build 3", "plug vif1.0 xenbr0",
                                   "plug vif2.0 xenbr0", "plug vif3.0 xenbr0"));
}

TEST_F(CreateVif, SixteenGuestsMayWaitWhileOneMoreIsBegun) {
    host.network.offers_while_asleep = true;
    // All of them at once: a busy machine may take longer than the usual 10 s.
    create({.count = 40, .timeout = std::chrono::minutes(5), .on_created = {}});
    int waiting = 0;
    int most = 0;
    for (const std::string& call : host.hypervisor.calls) {
        waiting += call == "create_domain" ? 1 : 0;
        waiting -= call.starts_with("set_uuid") ? 1 : 0;
        most = std::max(most, waiting);
    }
    EXPECT_EQ(most, 16 + 1);
    EXPECT_EQ(waiting, 0);
    EXPECT_THAT(existing(host), SizeIs(40));
}

TEST_F(CreateVif, WhatIsOfferedAtOnceIsTakenBeforeTheNextGuestIsBegun) {
    std::vector<DomainId> order;
    create({.count = 3, .on_created = [&](const CreatedGuest& guest) {
                order.push_back(guest.id);
                EXPECT_THAT(existing(host), SizeIs(guest.id.value()));
            }});
    EXPECT_THAT(order, ElementsAre(DomainId(1), DomainId(2), DomainId(3)));
}

TEST_F(CreateVif, GuestsAreSpreadOverTheSwitches) {
    host.network.add_bridge("xenbr1");
    create({.count = 6, .on_created = {}});
    EXPECT_EQ(host.network.plugged_into("xenbr0"), 3U);
    EXPECT_EQ(host.network.plugged_into("xenbr1"), 3U);
}

TEST_F(CreateVif, FullSwitchLeadsToTheNext) {
    host.network.add_bridge("xenbr1").room = 0;
    create({.count = 4, .on_created = {}});
    EXPECT_EQ(host.network.plugged_into("xenbr0"), 4U);
}

TEST_F(CreateVif, AllSwitchesFullIsAnErrorAndLeavesTheGuestsThatAreWhole) {
    host.network.bridges[0].room = 2;
    host.network.add_bridge("xenbr1").room = 1;
    const Failure failure = refusal({.count = 5, .on_created = {}});
    EXPECT_EQ(failure.problem, "xenbr0, xenbr1 are full: a Linux bridge takes 1023 ports");
    EXPECT_EQ(failure.domain, DomainId(4));
    EXPECT_THAT(existing(host), ElementsAre(DomainId(1), DomainId(2), DomainId(3)));
    EXPECT_EQ(recorded(host), existing(host));
    EXPECT_THAT(host.network.vifs, SizeIs(3));
    EXPECT_FALSE(host.store.exists("/local/domain/0/backend/vif/4"));
}

TEST_F(CreateVif, BackendThatNeverOffersIsNamedWithWhatTheKernelNoted) {
    host.network.netback_works = false;
    host.network.netback_notes = "2 reading script";
    const Failure failure = refusal({.timeout = soon, .on_created = {}});
    EXPECT_EQ(failure.domain, first.guest);
    EXPECT_EQ(failure.doing, "attach vif1.0");
    EXPECT_EQ(failure.problem, "its backend offered no interface within 0.02 s: 2 reading script");
    EXPECT_EQ(holdings(host), before);
}

TEST_F(CreateVif, BackendThatNeverOffersAndNotesNothingMayBeMissing) {
    host.network.netback_works = false;
    const Failure failure = refusal({.timeout = soon, .on_created = {}});
    EXPECT_THAT(failure.hint, HasSubstr("xen-netback"));
    EXPECT_EQ(holdings(host), before);
}

TEST_F(CreateVif, GuestsInFlightGoWithTheOneThatFails) {
    host.network.netback_works = false;
    EXPECT_EQ(refusal({.count = 5, .timeout = soon, .on_created = {}}).domain, first.guest);
    EXPECT_EQ(holdings(host), before);
}

TEST_F(CreateVif, WithWaitAGuestIsWholeOnceItsFrontendsAreConnected) {
    bool carrier = false;
    create({.wait_connected = true, .timeout = soon, .on_created = [&](const CreatedGuest&) {
                carrier = host.network.vifs.at(first).carrier;
            }});
    EXPECT_TRUE(carrier);
}

TEST_F(CreateVif, WithWaitItReturnsOnceTheBackendTakesPacketsToo) {
    host.network.backends = FakeNetwork::Backends::connect_last;
    create({.wait_connected = true, .timeout = soon, .on_created = {}});
    EXPECT_EQ(host.store.value(backend_path(first) + "/state"), "4");
    EXPECT_THAT(host.store.watches, IsEmpty());
}

TEST_F(CreateVif, BackendThatNeverTakesPacketsIsAnErrorWithWait) {
    host.network.backends = FakeNetwork::Backends::never;
    const Failure failure = refusal({.wait_connected = true, .timeout = soon, .on_created = {}});
    EXPECT_EQ(failure.doing, "wait for the frontend of vif1.0");
    EXPECT_EQ(holdings(host), before);
}

TEST_F(CreateVif, WithoutWaitNobodyWaitsForFrontends) {
    host.network.frontends_connect = false;
    EXPECT_THAT(create({.on_created = {}}), SizeIs(1));
}

TEST_F(CreateVif, PausedGuestsFrontendIsNotWaitedFor) {
    EXPECT_THAT(create({.paused = true, .wait_connected = true, .on_created = {}}), SizeIs(1));
}

TEST_F(CreateVif, FrontendThatDoesNotConnectIsAnErrorWithWaitAndLeavesNothing) {
    host.network.frontends_connect = false;
    const Failure failure = refusal({.wait_connected = true, .timeout = soon, .on_created = {}});
    EXPECT_EQ(failure.doing, "wait for the frontend of vif1.0");
    EXPECT_EQ(failure.problem, "the guest did not connect it within 0.02 s");
    EXPECT_EQ(holdings(host), before);
}

class KeptGuest : public CreateVif {
  protected:
    void expect_kept_paused() const {
        EXPECT_TRUE(is_whole(host, first.guest));
        EXPECT_EQ(host.hypervisor.domains.at(1).pauses, 1U);
        EXPECT_TRUE(host.store.exists(backend_path(first)));
        EXPECT_FALSE(host.store.exists("/local/domain/0/error/backend/vif/1"));
        EXPECT_THAT(host.network.running, IsEmpty());
    }
};

TEST_F(KeptGuest, WhoseBackendOffersNothingIsLeftPaused) {
    host.network.netback_works = false;
    host.network.netback_notes = "2 reading script";
    const Failure failure = refusal({.keep_failed = true, .timeout = soon, .on_created = {}});
    EXPECT_THAT(failure.problem, HasSubstr("2 reading script"));
    EXPECT_EQ(failure.hint, "domain 1 is left paused, to be looked at");
    expect_kept_paused();
}

TEST_F(KeptGuest, WhoseFrontendDoesNotConnectIsPausedAgain) {
    host.network.frontends_connect = false;
    refusal({.wait_connected = true, .keep_failed = true, .timeout = soon, .on_created = {}});
    expect_kept_paused();
}

TEST_F(KeptGuest, WhoseAddressCannotBeRecordedRunsAfterOneUnpause) {
    GuestConfig config = guest_with_vif();
    config.vifs[0].ip.kind = VifAddress::Kind::automatic;
    host.faults.refuse("XS_WRITE " + backend_path(first) + "/ip", ENOSPC);
    EXPECT_EQ(refusal({.keep_failed = true, .on_created = {}}, config).error, ENOSPC);
    expect_kept_paused();
}

TEST_F(KeptGuest, WhoseScriptHangsHasNoneRunning) {
    host.network.scripts_end = false;
    refusal({.keep_failed = true, .timeout = soon, .on_created = {}}, guest_with_script());
    expect_kept_paused();
}

TEST_F(KeptGuest, IsTheOnlyOneOfItsBatch) {
    host.network.netback_works = false;
    refusal({.count = 4, .keep_failed = true, .timeout = soon, .on_created = {}});
    EXPECT_THAT(existing(host), ElementsAre(first.guest));
    expect_kept_paused();
}

}  // namespace
}  // namespace xcl::test
