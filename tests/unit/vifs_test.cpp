// SPDX-License-Identifier: BSD-3-Clause
// Guests with vifs, listed and ended: what is told of their vifs, and that none stays behind.
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
using ::testing::SizeIs;

class Vifs : public ::testing::Test {
  protected:
    Vifs() {
        host.store.write("/local/domain/0/backend/vif", "");
        host.store.write("/local/domain/0/error/backend/vif", "");
        host.network.add_bridge("xenbr0", parse_ipv4("10.0.0.1/24"));
        empty = holdings(host);
    }

    std::vector<VifInfo> vifs(const std::vector<DomainId>& ids) {
        return verbs::vifs(host.ports(), ids);
    }

    FakeHost host;
    Holdings empty;
};

TEST_F(Vifs, AreToldWithWhatStoreAndKernelKnow) {
    GuestConfig config = guest_with_vif();
    config.vifs[0].ip.kind = VifAddress::Kind::automatic;
    const DomainId id = host.add_guest(config);
    const auto told = vifs({id});
    ASSERT_THAT(told, SizeIs(1));
    EXPECT_EQ(told[0].id, (VifId{id, 0}));
    EXPECT_EQ(told[0].mac, "00:16:3e:80:00:01");
    EXPECT_EQ(told[0].ip, "10.0.0.2/24");
    EXPECT_EQ(told[0].switch_name, "xenbr0");
    EXPECT_EQ(told[0].interface, "vif1.0");
    EXPECT_EQ(told[0].script, "");
    EXPECT_EQ(told[0].state, "connected");
    EXPECT_EQ(told[0].counters.sent_packets, 7U);
}

TEST_F(Vifs, ComeByGuestAndNumber) {
    GuestConfig two = guest_with_vif();
    two.vifs.emplace_back();
    const DomainId first = host.add_guest(two);
    host.add_guest(small_guest());
    const DomainId third = host.add_guest(guest_with_vif());
    std::vector<VifId> ids;
    for (const VifInfo& vif : vifs({third, DomainId(2), first}))
        ids.push_back(vif.id);
    EXPECT_THAT(ids, ElementsAre(VifId{third, 0}, VifId{first, 0}, VifId{first, 1}));
}

TEST_F(Vifs, OfGuestsWithoutAnyCostOneExchange) {
    const std::vector<DomainId> ids{host.add_guest(small_guest()), host.add_guest(small_guest())};
    host.store.exchanges.clear();
    EXPECT_THAT(vifs(ids), IsEmpty());
    EXPECT_THAT(host.store.exchanges, SizeIs(1));
}

TEST_F(Vifs, WithoutInterfaceAndWithAStateThatNobodyKnowsAreStillTold) {
    const DomainId id = host.add_guest(guest_with_vif());
    host.network.vifs.clear();
    host.store.write(backend_path({id, 0}) + "/state", "77");
    const auto told = vifs({id});
    ASSERT_THAT(told, SizeIs(1));
    EXPECT_EQ(told[0].interface, "");
    EXPECT_EQ(told[0].switch_name, "");
    EXPECT_EQ(told[0].state, "unknown");
}

TEST_F(Vifs, GuestCannotPutWordsIntoOurMouth) {
    const DomainId id = host.add_guest(guest_with_vif());
    host.store.guest_write(id, frontend_path({id, 0}) + "/mac", "\033[2J");
    host.store.guest_write(id, frontend_path({id, 0}) + "/state", "6");
    EXPECT_EQ(vifs({id}).at(0).mac, "00:16:3e:80:00:01");
}

TEST_F(Vifs, AreToldByInfo) {
    const DomainId id = host.add_guest(guest_with_vif());
    const GuestDetails details = verbs::info(host.ports(), id);
    ASSERT_THAT(details.vifs, SizeIs(1));
    EXPECT_EQ(details.vifs[0].interface, "vif1.0");
    EXPECT_THAT(verbs::info(host.ports(), host.add_guest(small_guest())).vifs, IsEmpty());
}

TEST_F(Vifs, DestroyTakesThemAlong) {
    const DomainId id = host.add_guest(guest_with_vif());
    verbs::destroy(host.ports(), std::vector{id});
    EXPECT_EQ(holdings(host), empty);
}

TEST_F(Vifs, DestroyTakesTheAttachedOnesAlong) {
    const DomainId id = host.add_guest(small_guest());
    static_cast<void>(verbs::attach(host.ports(), id, {}, {}));
    verbs::destroy(host.ports(), std::vector{id});
    EXPECT_EQ(holdings(host), empty);
}

TEST_F(Vifs, DestroyOfAGuestWithoutAsksNothingAboutThem) {
    const DomainId id = host.add_guest(small_guest());
    verbs::destroy(host.ports(), std::vector{id});
    EXPECT_THAT(host.store.exchanges,
                ElementsAre(ElementsAre(store_directory("/local/domain/1/console"),
                                        store_remove("/local/domain/1"))));
}

TEST_F(Vifs, DestroyRemovesBackendsBeforeTheGuestsSide) {
    const DomainId id = host.add_guest(guest_with_vif());
    verbs::destroy(host.ports(), std::vector{id});
    EXPECT_THAT(host.store.exchanges,
                ElementsAre(ElementsAre(store_directory("/local/domain/1/console"),
                                        store_remove("/local/domain/0/backend/vif/1"),
                                        store_remove("/local/domain/1"))));
}

TEST_F(Vifs, DestroyTellsScriptsBeforeTheRecordGoes) {
    const std::vector<DomainId> ids{host.add_guest(guest_with_script()),
                                    host.add_guest(guest_with_vif())};
    host.network.script_calls.clear();
    bool held = false;
    host.faults.meanwhile("run_script", [&] { held = host.hypervisor.domain(ids[0]).pauses > 0; });
    verbs::destroy(host.ports(), ids);
    EXPECT_TRUE(held) << "it ran while its vif was taken";
    ASSERT_THAT(host.network.script_calls, SizeIs(1));
    EXPECT_EQ(host.network.script_calls[0].action, "offline");
    EXPECT_EQ(host.network.script_calls[0].vif, (VifId{ids[0], 0}));
    EXPECT_EQ(host.network.script_calls[0].bridge, "xenbr0");
    EXPECT_EQ(holdings(host), empty);
}

TEST_F(Vifs, GuestThatRemovesItsOwnSideDoesNotEscapeItsScript) {
    const DomainId id = host.add_guest(guest_with_script());
    host.store.exchange(std::vector{store_remove(domain_path(id) + "/device/vif/0")});
    verbs::destroy(host.ports(), std::vector{id});
    EXPECT_EQ(holdings(host), empty);
}

TEST_F(Vifs, ScriptThatFailsOrIsMissingKeepsNoGuest) {
    for (const bool is_there : {true, false}) {
        const DomainId id = host.add_guest(guest_with_script());
        host.network.script_problem = "no";
        if (!is_there)
            host.network.scripts.clear();
        EXPECT_NO_THROW(verbs::destroy(host.ports(), std::vector{id}));
        EXPECT_THAT(existing(host), IsEmpty());
        EXPECT_THAT(recorded(host), IsEmpty());
        host.network.script_problem.clear();
    }
}

TEST_F(Vifs, ReapTellsTheScriptsOfGuestsThatEnded) {
    const DomainId id = host.add_guest(guest_with_script());
    host.hypervisor.end(id, ShutdownReason::poweroff);
    EXPECT_THAT(verbs::reap(host.ports(), is_running), ElementsAre(Reaped{id, ReapCause::ended}));
    EXPECT_EQ(holdings(host), empty);
}

TEST_F(Vifs, ReapTakesAnOrphansBackendsAndErrors) {
    const DomainId id = host.add_guest(guest_with_vif());
    host.store.write(backend_error_path({id, 0}), "2 reading script");
    host.hypervisor.vanish(id);
    EXPECT_THAT(verbs::reap(host.ports(), is_running), ElementsAre(Reaped{id, ReapCause::orphan}));
    EXPECT_EQ(holdings(host), empty);
}

TEST_F(Vifs, ShutdownCollectsThem) {
    const DomainId id = host.add_guest(guest_with_vif());
    host.store.while_asleep = {[&] { host.hypervisor.end(id, ShutdownReason::poweroff); }};
    const auto ended = verbs::end_and_wait(host.ports(), std::vector{id}, EndRequest::poweroff, {});
    EXPECT_TRUE(ended.at(0).collected);
    EXPECT_EQ(holdings(host), empty);
}

}  // namespace
}  // namespace xcl::test
