// SPDX-License-Identifier: BSD-3-Clause
// detach: a vif goes in agreement with its frontend, or by force.
#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "failure_of.hpp"
#include "fakes.hpp"
#include "record/record.hpp"

namespace xcl::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// A running guest whose two vifs are connected.
class Detach : public ::testing::Test {
  protected:
    explicit Detach(GuestConfig config = guest_with_vif()) {
        host.network.add_bridge("xenbr0");
        config.vifs.push_back(config.vifs.front());
        id = verbs::create(host.ports(), blueprint_of(config),
                           {.wait_connected = true, .on_created = {}})
                 .front()
                 .id;
        host.hypervisor.calls.clear();
        host.store.exchanges.clear();
    }

    void detach(const DetachOptions& options = {}) {
        verbs::detach(host.ports(), {id, 0}, options);
    }
    [[nodiscard]] bool is_recorded(std::uint16_t number) const {
        return host.store.exists(backend_path({id, number})) &&
               host.store.exists(frontend_path({id, number}));
    }
    [[nodiscard]] bool was_asked() const {
        const auto asked = store_write(backend_path({id, 0}) + "/state", "5");
        return std::ranges::any_of(host.store.exchanges, [&](const auto& requests) {
            return std::ranges::find(requests, asked) != requests.end();
        });
    }
    void expect_gone() const {
        EXPECT_FALSE(host.store.exists(backend_path({id, 0})));
        EXPECT_FALSE(host.store.exists(frontend_path({id, 0})));
        EXPECT_FALSE(host.network.vifs.contains({id, 0}));
        EXPECT_TRUE(is_recorded(1));
        EXPECT_TRUE(host.network.vifs.contains({id, 1}));
        EXPECT_THAT(host.store.watches, IsEmpty());
    }

    FakeHost host;
    DomainId id{0};
};

TEST_F(Detach, FrontendLetsGoAndTheVifIsGone) {
    detach();
    EXPECT_TRUE(was_asked());
    expect_gone();
}

TEST_F(Detach, VifWhoseFrontendDoesNotLetGoStaysConnected) {
    host.network.frontends_let_go = false;
    const Failure failure = failure_of([&] { detach(); });
    EXPECT_THAT(failure.problem, HasSubstr("did not let go within 10 s"));
    EXPECT_THAT(failure.hint, HasSubstr("--force"));
    EXPECT_TRUE(is_recorded(0));
    EXPECT_EQ(host.store.value(backend_path({id, 0}) + "/state"), "4");
    EXPECT_EQ(host.store.value(backend_path({id, 0}) + "/online"), "1");
    EXPECT_THAT(host.store.watches, IsEmpty());
}

TEST_F(Detach, ForceAsksNobody) {
    host.network.frontends_let_go = false;
    detach({.force = true});
    EXPECT_FALSE(was_asked());
    expect_gone();
}

TEST_F(Detach, VifThatWasNeverConnectedHasNobodyToAsk) {
    host.store.write(backend_path({id, 0}) + "/state", "2");
    detach();
    EXPECT_FALSE(was_asked());
    expect_gone();
}

TEST_F(Detach, GuestThatHasEndedIsNotAsked) {
    host.hypervisor.end(id, ShutdownReason::crash);
    detach();
    EXPECT_FALSE(was_asked());
    expect_gone();
}

TEST_F(Detach, BackendThatGoesWhileItClosesIsGone) {
    host.network.frontends_let_go = false;
    host.store.while_asleep = {[&] {
        host.store.exchange(std::vector{store_remove(backend_path({id, 0}))});
    }};
    EXPECT_NO_THROW(detach());
    expect_gone();
}

TEST_F(Detach, NumberThatTheGuestHasNotIsRefused) {
    const Holdings before = holdings(host);
    const Failure failure = failure_of([&] {
        verbs::detach(host.ports(), {id, 5}, {.force = true});
    });
    EXPECT_EQ(failure.problem, "it has none of this number");
    EXPECT_EQ(holdings(host), before);
    EXPECT_EQ(failure_of([&] {
                  verbs::detach(host.ports(), {DomainId(9), 0}, {});
              }).kind,
              ErrorKind::no_such_guest);
}

TEST_F(Detach, WithoutScriptNoneIsRun) {
    detach();
    EXPECT_THAT(host.network.script_calls, IsEmpty());
}

TEST_F(Detach, AnyPointThatFailsIsReportedAndForceWorksAfterwards) {
    constexpr int injected = EXDEV;
    for (std::size_t point = 0;; ++point) {
        host.store.events.clear();
        const VifId vif{id, verbs::attach(host.ports(), id, {}, {.wait_connected = true})};
        host.faults.fail_at(point, injected);
        std::optional<Failure> failure;
        try {
            verbs::detach(host.ports(), vif, {});
        } catch (const Error& error) {
            failure = error.failure();
        }
        const bool hit = host.faults.hit();
        const std::string what = host.faults.what();
        host.faults.none();
        host.store.watches.clear();  // of the point that is their end
        host.store.while_asleep.clear();
        if (!hit) {
            EXPECT_FALSE(failure);
            EXPECT_GE(point, 15U);
            break;
        }
        SCOPED_TRACE(testing::Message() << "point " << point << ", " << what);
        // Whether a script attached it may stay unknown, and a watch may end later; a state that
        // cannot be read is read again.
        if (what != "XS_UNWATCH" && what != "XS_READ " + frontend_path(vif) + "/backend" &&
            what != "XS_READ " + backend_path(vif) + "/state" && !what.ends_with("/script") &&
            !what.ends_with("/bridge")) {
            ASSERT_TRUE(failure);
        }
        if (host.store.exists(backend_path(vif)) || host.store.exists(frontend_path(vif)))
            verbs::detach(host.ports(), vif, {.force = true});
        EXPECT_FALSE(host.store.exists(backend_path(vif)));
        EXPECT_FALSE(host.store.exists(frontend_path(vif)));
        EXPECT_FALSE(host.network.vifs.contains(vif));
    }
}

class DetachScript : public Detach {
  protected:
    DetachScript() : Detach(guest_with_script()) { host.network.script_calls.clear(); }
};

TEST_F(DetachScript, IsToldWhileItsRecordIsThere) {
    detach();  // the fake looks for the record
    ASSERT_THAT(host.network.script_calls, SizeIs(1));
    EXPECT_EQ(host.network.script_calls[0].action, "offline");
    EXPECT_EQ(host.network.script_calls[0].bridge, "xenbr0");
    EXPECT_THAT(host.network.scripted, ElementsAre(VifId{id, 1}));
    expect_gone();
}

TEST_F(DetachScript, IsNotToldOfAVifThatStays) {
    host.network.frontends_let_go = false;
    EXPECT_THROW(detach(), Error);
    EXPECT_THAT(host.network.script_calls, IsEmpty());
}

TEST_F(DetachScript, ThatFailsOrIsMissingKeepsNoVif) {
    host.network.script_problem = "no";
    EXPECT_NO_THROW(detach());
    expect_gone();
    host.network.scripts.clear();
    EXPECT_NO_THROW(verbs::detach(host.ports(), {id, 1}, {}));
    EXPECT_FALSE(is_recorded(1));
}

}  // namespace
}  // namespace xcl::test
