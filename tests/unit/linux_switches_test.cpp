// SPDX-License-Identifier: BSD-3-Clause
// Switches in a real kernel: made, adopted, listed, numbered, removed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "failure_of.hpp"
#include "own_network.hpp"

namespace xcl::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class LinuxSwitches : public OwnNetwork {
  protected:
    void add(const std::string& name) {
        network.add_switch({.name = name, .address = {}, .uplink = {}});
    }
    std::vector<std::string> names() {
        std::vector<std::string> all;
        for (const Switch& marked : network.switches()) {
            EXPECT_EQ(marked.number, all.size());
            all.push_back(marked.name);
        }
        return all;
    }
};

TEST_F(LinuxSwitches, HostHasNoneAtFirst) {
    EXPECT_THAT(network.switches(), IsEmpty());
    EXPECT_THAT(network.switch_details(), IsEmpty());
}

TEST_F(LinuxSwitches, AddedOneIsABridgeThatIsUp) {
    add("xenbr0");
    EXPECT_THAT(names(), ElementsAre("xenbr0"));
    const auto details = network.switch_details();
    ASSERT_THAT(details, SizeIs(1));
    EXPECT_TRUE(details[0].up);
    EXPECT_FALSE(details[0].address);
    EXPECT_EQ(details[0].ports, 0U);
    EXPECT_EQ(network.bridge("xenbr0"), (Bridge{"xenbr0", details[0].itself.interface_index}));
}

TEST_F(LinuxSwitches, AddressIsTheHostsOnIt) {
    network.add_switch({.name = "xenbr0", .address = parse_ipv4("10.1.2.3/21"), .uplink = {}});
    EXPECT_EQ(network.switch_details().at(0).address, parse_ipv4("10.1.2.3/21"));
    EXPECT_EQ(network.address_of(network.bridge("xenbr0").index), parse_ipv4("10.1.2.3/21"));
}

TEST_F(LinuxSwitches, LinkAddressOutlivesItsPorts) {
    add("xenbr0");
    const std::string before = attribute("xenbr0", "address");
    make_vif("vif5.0");
    ASSERT_TRUE(network.plug({DomainId(5), 0}, network.bridge("xenbr0")));
    EXPECT_EQ(attribute("xenbr0", "address"), before);
}

TEST_F(LinuxSwitches, NumbersHaveNoGapsWhicheverIsRemoved) {
    for (const char* const name : {"a", "b", "c"})
        add(name);
    network.remove_switch("a");
    EXPECT_THAT(names(), ElementsAre("c", "b"));
    add("d");
    EXPECT_THAT(names(), ElementsAre("c", "b", "d"));
    network.remove_switch("d");
    network.remove_switch("c");
    EXPECT_THAT(names(), ElementsAre("b"));
    network.remove_switch("b");
    EXPECT_THAT(names(), IsEmpty());
    for (const char* const name : {"a", "b", "c", "d"})
        EXPECT_FALSE(exists(name)) << name;
}

TEST_F(LinuxSwitches, AdoptedBridgeStaysWhenItsMarkGoes) {
    ip({"link add mine type bridge"});
    add("mine");
    EXPECT_THAT(names(), ElementsAre("mine"));
    network.remove_switch("mine");
    EXPECT_THAT(names(), IsEmpty());
    EXPECT_TRUE(exists("mine"));
}

TEST_F(LinuxSwitches, SameOneTwiceIsRefusedAndStays) {
    add("xenbr0");
    EXPECT_EQ(failure_of([&] { add("xenbr0"); }).problem, "it is one already");
    EXPECT_THAT(names(), ElementsAre("xenbr0"));
}

TEST_F(LinuxSwitches, InterfaceThatIsNoBridgeIsRefusedAndUntouched) {
    make_vif("eth7");
    EXPECT_THAT(failure_of([&] { add("eth7"); }).problem, HasSubstr("no Linux bridge"));
    EXPECT_THAT(names(), IsEmpty());
    EXPECT_TRUE(exists("eth7"));
    EXPECT_THAT(failure_of([&] { static_cast<void>(network.bridge("eth7")); }).problem,
                HasSubstr("no Linux bridge"));
}

TEST_F(LinuxSwitches, UplinkIsListedAndCountsAsAPort) {
    make_vif("eth7");
    network.add_switch({.name = "xenbr0", .address = {}, .uplink = "eth7"});
    make_vif("vif5.0");
    ASSERT_TRUE(network.plug({DomainId(5), 0}, network.bridge("xenbr0")));
    const SwitchDetails details = network.switch_details().at(0);
    EXPECT_EQ(details.ports, 2U);
    EXPECT_THAT(details.uplinks, ElementsAre("eth7"));
    EXPECT_EQ(bridge_of("eth7"), "xenbr0");
}

TEST_F(LinuxSwitches, UplinkThatIsMissingLeavesNoBridge) {
    const Failure failure = failure_of(
        [&] { network.add_switch({.name = "xenbr0", .address = {}, .uplink = "eth9"}); });
    EXPECT_THAT(failure.problem, HasSubstr("'eth9'"));
    EXPECT_FALSE(exists("xenbr0"));
}

TEST_F(LinuxSwitches, UplinkThatCannotBeOneLeavesNoBridge) {
    // A bridge cannot be a port of a bridge.
    ip({"link add other type bridge"});
    EXPECT_THROW(network.add_switch({.name = "xenbr0", .address = {}, .uplink = "other"}), Error);
    EXPECT_FALSE(exists("xenbr0"));
    EXPECT_THAT(names(), IsEmpty());
}

TEST_F(LinuxSwitches, BridgeThatBecomesNoneIsAsItWas) {
    ip({"link add xenbr0 type bridge", "link add other type bridge"});
    EXPECT_THROW(network.add_switch(
                     {.name = "xenbr0", .address = parse_ipv4("10.1.2.3/21"), .uplink = "other"}),
                 Error);
    EXPECT_TRUE(exists("xenbr0"));
    EXPECT_FALSE(network.address_of(network.bridge("xenbr0").index));
}

TEST_F(LinuxSwitches, AddressThatABridgeHasAlreadyIsLeftToIt) {
    ip({"link add xenbr0 type bridge", "address add 10.1.2.3/21 dev xenbr0"});
    network.add_switch({.name = "xenbr0", .address = parse_ipv4("10.1.2.3/21"), .uplink = {}});
    EXPECT_EQ(network.switch_details().at(0).address, parse_ipv4("10.1.2.3/21"));
}

TEST_F(LinuxSwitches, OneWithGuestsIsNotRemoved) {
    add("xenbr0");
    make_vif("vif5.0");
    ASSERT_TRUE(network.plug({DomainId(5), 0}, network.bridge("xenbr0")));
    EXPECT_THAT(failure_of([&] { network.remove_switch("xenbr0"); }).problem,
                HasSubstr("1 vifs of guests"));
    EXPECT_THAT(names(), ElementsAre("xenbr0"));
    EXPECT_EQ(bridge_of("vif5.0"), "xenbr0");
}

TEST_F(LinuxSwitches, OneThatIsNoneIsNotRemoved) {
    ip({"link add mine type bridge"});
    EXPECT_THAT(failure_of([&] { network.remove_switch("mine"); }).problem,
                HasSubstr("no switch is named 'mine'"));
    EXPECT_TRUE(exists("mine"));
}

TEST_F(LinuxSwitches, BridgeThatIsMissingIsNamedWithTheCommandThatMakesIt) {
    const Failure failure = failure_of([&] { static_cast<void>(network.bridge("xenbr3")); });
    EXPECT_EQ(failure.problem, "this host has no bridge 'xenbr3'");
    EXPECT_THAT(failure.hint, HasSubstr("cosmos switch add xenbr3"));
}

}  // namespace
}  // namespace xcl::test
