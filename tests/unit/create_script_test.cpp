// SPDX-License-Identifier: BSD-3-Clause
// create with hotplug scripts: they run beside each other, the guest waits for them, and what they
// did is undone with the guest.
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

class CreateScript : public ::testing::Test {
  protected:
    CreateScript() {
        host.store.write("/local/domain/0/backend/vif", "");
        host.network.add_bridge("xenbr0");
        before = holdings(host);
    }

    std::vector<CreatedGuest> create(const CreateOptions& options) {
        return verbs::create(host.ports(), blueprint_of(guest_with_script()), options);
    }
    Failure refusal(const CreateOptions& options) {
        return failure_of([&] { static_cast<void>(create(options)); });
    }
    [[nodiscard]] std::vector<std::string> actions() const {
        std::vector<std::string> all;
        for (const ScriptCall& call : host.network.script_calls)
            all.push_back(call.action + " " + interface_name(call.vif));
        return all;
    }

    FakeHost host;
    Holdings before;
};

TEST_F(CreateScript, GuestRunsOnlyOnceItsScriptHasEnded) {
    bool ran_at_start = true;
    host.faults.meanwhile("unpause", [&] { ran_at_start = !host.network.running.empty(); });
    create({.on_created = {}});
    EXPECT_FALSE(ran_at_start);
    EXPECT_TRUE(is_whole(host, first.guest));
    EXPECT_THAT(actions(), ElementsAre("online vif1.0"));
    EXPECT_THAT(host.hypervisor.calls, Not(Contains(HasSubstr("plug "))));
}

TEST_F(CreateScript, IsTheOneThatTheConfigNamesAndKnowsItsBridge) {
    create({.on_created = {}});
    ASSERT_THAT(host.network.script_calls, SizeIs(1));
    EXPECT_EQ(host.network.script_calls[0].path, "/etc/xen/scripts/vif-test");
    EXPECT_EQ(host.network.script_calls[0].bridge, "xenbr0");
    EXPECT_EQ(host.store.value(backend_path(first) + "/script"), "/etc/xen/scripts/vif-test");
    EXPECT_EQ(host.store.value(backend_path(first) + "/bridge"), "xenbr0");
    EXPECT_TRUE(read_label(host.hypervisor.domain(first.guest).uuid)->has_scripts);
}

TEST_F(CreateScript, ScriptsOfABatchRunBesideEachOther) {
    host.network.scripts_end = false;
    std::size_t most = 0;
    host.network.while_asleep = {[&] {
        most = host.network.running.size();
        for (const VifId& vif : std::set<VifId>(host.network.running))
            host.network.end_script(vif, "");
    }};
    EXPECT_THAT(create({.count = 3, .on_created = {}}), SizeIs(3));
    EXPECT_EQ(most, 3U);
}

TEST_F(CreateScript, OneThatFailsIsQuotedAndUndone) {
    host.network.script_problem = "the script vif-test failed with exit status 1: no bridge";
    const Failure failure = refusal({.on_created = {}});
    EXPECT_EQ(failure.doing, "attach vif1.0");
    EXPECT_EQ(failure.problem, host.network.script_problem);
    EXPECT_THAT(actions(), ElementsAre("online vif1.0", "offline vif1.0"));
    EXPECT_EQ(holdings(host), before);
}

TEST_F(CreateScript, OneThatHangsIsKilledAndUndone) {
    host.network.scripts_end = false;
    const Failure failure = refusal({.timeout = soon, .on_created = {}});
    EXPECT_EQ(failure.problem, "the script /etc/xen/scripts/vif-test did not end within 0.02 s");
    EXPECT_THAT(actions(), ElementsAre("online vif1.0", "offline vif1.0"));
    EXPECT_EQ(holdings(host), before);
}

TEST_F(CreateScript, OneThatIsMissingIsReportedBeforeADomainExists) {
    host.network.scripts.clear();
    EXPECT_THAT(refusal({.on_created = {}}).problem, HasSubstr("vif-test"));
    EXPECT_THAT(host.hypervisor.calls, Not(Contains("create_domain")));
    EXPECT_EQ(holdings(host), before);
}

TEST_F(CreateScript, LostEventsStillTellOfTheInterface) {
    host.network.loses_events = true;
    host.network.scripts_end = false;
    host.network.while_asleep = {[&] {
        host.network.loses_events = false;
        host.network.end_script(first, "");
    }};
    create({.timeout = soon, .on_created = {}});
    EXPECT_TRUE(is_whole(host, first.guest));
}

TEST_F(CreateScript, VifsWithAndWithoutOneAreBroughtTogether) {
    GuestConfig config = guest_with_script();
    config.vifs.emplace_back();
    static_cast<void>(verbs::create(host.ports(), blueprint_of(config), {.on_created = {}}));
    EXPECT_TRUE(is_whole(host, first.guest));
    EXPECT_THAT(actions(), ElementsAre("online vif1.0"));
    EXPECT_THAT(host.hypervisor.calls, Contains("plug vif1.1 xenbr0"));
}

}  // namespace
}  // namespace xcl::test
