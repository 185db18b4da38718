// SPDX-License-Identifier: BSD-3-Clause
// attach: one vif more for a guest, whole or not at all.
#include <cerrno>

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

constexpr std::chrono::milliseconds soon{20};

class Attach : public ::testing::Test {
  protected:
    Attach() {
        host.store.write("/local/domain/0/error/backend/vif", "");
        host.network.add_bridge("xenbr0", parse_ipv4("10.0.0.1/24"));
        id = host.add_guest(guest_with_vif());
        before = holdings(host);
    }

    std::uint16_t attach(const VifConfig& vif = {}, const AttachOptions& options = {}) {
        return verbs::attach(host.ports(), id, vif, options);
    }
    Failure refusal(DomainId guest, const VifConfig& vif = {}, const AttachOptions& options = {}) {
        return failure_of(
            [&] { static_cast<void>(verbs::attach(host.ports(), guest, vif, options)); });
    }
    // All as before; the label may say by now that there are vifs, which is never wrong.
    void expect_undone() {
        Holdings now = holdings(host);
        now.domains[id.value()].uuid = before.domains[id.value()].uuid;
        EXPECT_EQ(now, before);
    }
    [[nodiscard]] VifId second() const { return {id, 1}; }

    FakeHost host;
    DomainId id{0};
    Holdings before;
};

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

TEST_F(Attach, TakesTheFirstNumberThatIsFree) {
    EXPECT_EQ(attach(), 1);
    EXPECT_EQ(attach(), 2);
    verbs::detach(host.ports(), second(), {.force = true});
    EXPECT_EQ(attach(), 1);
    EXPECT_EQ(host.network.plugged_into("xenbr0"), 3U);
}

TEST_F(Attach, FirstVifOfAGuestIsNumber0AndItsLabelSaysSo) {
    id = host.add_guest(small_guest());
    EXPECT_EQ(attach(), 0);
    const auto label = read_label(host.hypervisor.domain(id).uuid);
    EXPECT_TRUE(label->has_vifs);
    EXPECT_FALSE(label->has_scripts);
}

TEST_F(Attach, BackendConnectsItOnlyOnceItIsOnItsSwitch) {
    host.network.offers_while_asleep = true;
    bool may_connect_before_plug = true;
    host.faults.meanwhile("plug", [&] {
        may_connect_before_plug = host.store.exists(backend_path(second()) + "/hotplug-status") ||
                                  host.store.exists(backend_path(second()) + "/ip");
    });
    attach(automatic());
    EXPECT_FALSE(may_connect_before_plug);
    EXPECT_EQ(host.store.value(frontend_path(second()) + "/state"), "1");
    EXPECT_EQ(host.store.value(backend_path(second()) + "/ip"), "10.0.0.3/24");
    // The address first: a frontend that is connected reads it.
    EXPECT_THAT(host.store.exchanges.back(),
                ElementsAre(store_write(backend_path(second()) + "/ip", "10.0.0.3/24"),
                            store_write(backend_path(second()) + "/hotplug-status", "connected")));
}

TEST_F(Attach, ScriptSaysItselfThatTheVifIsOnItsSwitch) {
    attach(scripted());
    EXPECT_EQ(host.store.value(backend_path(second()) + "/hotplug-status"), "connected");
    for (const auto& exchange : host.store.exchanges)
        EXPECT_THAT(
            exchange,
            Not(Contains(store_write(backend_path(second()) + "/hotplug-status", "connected"))));
}

TEST_F(Attach, LabelIsSetBeforeAnythingIsRecorded) {
    bool labelled = false;
    host.faults.meanwhile("XS_WRITE " + frontend_path(second()) + "/backend", [&] {
        labelled = read_label(host.hypervisor.domain(id).uuid)->has_scripts;
    });
    attach(scripted());
    EXPECT_TRUE(labelled);
}

TEST_F(Attach, WithWaitItReturnsOnceTheFrontendIsConnected) {
    attach({}, {.wait_connected = true});
    EXPECT_TRUE(host.network.vifs.at(second()).carrier);
}

TEST_F(Attach, FrontendThatDoesNotConnectIsAnErrorWithWaitAndIsUndone) {
    host.network.frontends_connect = false;
    const Failure failure = refusal(id, {}, {.wait_connected = true, .timeout = soon});
    EXPECT_EQ(failure.doing, "wait for the frontend of vif1.1");
    expect_undone();
}

TEST_F(Attach, BackendThatOffersNothingIsAnErrorAndIsUndoneWithTheKernelsNote) {
    host.network.netback_works = false;
    host.network.netback_notes = "2 reading script";
    const Failure failure = refusal(id, {}, {.timeout = soon});
    EXPECT_THAT(failure.problem, HasSubstr("2 reading script"));
    expect_undone();
}

TEST_F(Attach, FullSwitchIsAnErrorAndIsUndone) {
    host.network.bridges[0].room = 1;
    EXPECT_THAT(refusal(id).problem, HasSubstr("xenbr0 is full"));
    expect_undone();
}

TEST_F(Attach, ScriptThatFailsOrHangsIsToldOfTheEnd) {
    for (const bool ends : {true, false}) {
        host.network.scripts_end = ends;
        host.network.script_problem = "no";
        refusal(id, scripted(), {.timeout = soon});
        EXPECT_THAT(host.hypervisor.calls, Contains("run_script offline vif1.1"));
        EXPECT_THAT(host.network.running, IsEmpty());
        expect_undone();
    }
}

TEST_F(Attach, NinthVifIsRefused) {
    for (std::uint16_t number = 1; number < GuestConfig::max_vifs; ++number)
        EXPECT_EQ(attach(), number);
    before = holdings(host);
    EXPECT_THAT(refusal(id).problem, HasSubstr("it has 8 already"));
    expect_undone();
}

TEST_F(Attach, GuestCannotHideAVifByRemovingItsOwnSide) {
    host.store.exchange(std::vector{store_remove(frontend_path({id, 0}))});
    EXPECT_EQ(attach(), 1);
}

TEST_F(Attach, GuestsOfOthersAndUnfinishedOnesAreRefused) {
    const DomainId foreign = host.add_foreign("theirs");
    EXPECT_THAT(refusal(foreign).problem, HasSubstr("another toolstack"));
    const DomainId unfinished = host.add_guest(small_guest());
    host.hypervisor.domain(unfinished).uuid = unfinished_label(this_process());
    EXPECT_EQ(refusal(unfinished).problem, "its creation has not ended");
    EXPECT_EQ(refusal(control_domain).problem, "it is the control domain");
    EXPECT_EQ(refusal(DomainId(77)).kind, ErrorKind::no_such_guest);
}

TEST_F(Attach, AnyPointThatFailsIsReportedAndUndone) {
    constexpr int injected = EXDEV;
    for (const VifConfig& vif : {VifConfig{}, automatic(), scripted()}) {
        std::size_t point = 0;
        for (;; ++point) {
            FakeHost fresh;
            fresh.store.write("/local/domain/0/error/backend/vif", "");
            fresh.network.add_bridge("xenbr0", parse_ipv4("10.0.0.1/24"));
            const DomainId guest = fresh.add_guest(guest_with_vif());
            const Holdings whole = holdings(fresh);
            fresh.faults.fail_at(point, injected);
            std::optional<Failure> failure;
            try {
                static_cast<void>(
                    verbs::attach(fresh.ports(), guest, vif, {.wait_connected = true}));
            } catch (const Error& error) {
                failure = error.failure();
            }
            if (!fresh.faults.hit())
                break;
            SCOPED_TRACE(testing::Message() << "point " << point << ", " << fresh.faults.what());
            ASSERT_TRUE(failure);
            EXPECT_EQ(failure->error, injected);
            Holdings left = holdings(fresh);
            left.domains.at(guest.value()).uuid = whole.domains.at(guest.value()).uuid;
            EXPECT_EQ(left, whole);
        }
        // Looks (1 + 3), bridges, label, the record of 13 (15), waits, plug or script, the
        // hand-over
        EXPECT_GE(point, 28U);
    }
}

}  // namespace
}  // namespace xcl::test
