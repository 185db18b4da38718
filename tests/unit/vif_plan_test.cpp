// SPDX-License-Identifier: BSD-3-Clause
// What a config says of vifs, found out once: bridges, scripts, addresses, MAC addresses.
#include "verbs/vif_plan.hpp"

#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "failure_of.hpp"
#include "fakes.hpp"

namespace xcl::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using verbs::address_for_port;
using verbs::generated_mac;
using verbs::VifPlan;

std::vector<VifPlan> plan(FakeHost& host, const VifConfig& vif, unsigned count = 1) {
    return verbs::plan_vifs(host.network, std::vector{vif}, count);
}

Failure refusal(FakeHost& host, const VifConfig& vif, unsigned count = 1) {
    return failure_of([&] { static_cast<void>(plan(host, vif, count)); });
}

VifConfig on_bridge(const std::string& name) {
    VifConfig vif;
    vif.bridge = name;
    return vif;
}

VifConfig with_automatic_address() {
    VifConfig vif;
    vif.ip.kind = VifAddress::Kind::automatic;
    return vif;
}

TEST(VifPlan, BridgeThatTheHostLacksIsNamed) {
    FakeHost host;
    host.network.add_bridge("xenbr0");
    EXPECT_THAT(refusal(host, on_bridge("xenbr1")).problem, HasSubstr("'xenbr1'"));
}

TEST(VifPlan, HostWithoutSwitchTellsHowToMakeOne) {
    FakeHost host;
    host.network.add_bridge("plain").is_switch = false;
    const Failure failure = refusal(host, {});
    EXPECT_EQ(failure.problem, "this host has no switch");
    EXPECT_THAT(failure.hint, HasSubstr("cosmos switch add"));
}

TEST(VifPlan, NamedBridgeNeedBeNoSwitch) {
    FakeHost host;
    host.network.add_bridge("plain").is_switch = false;
    const auto plans = plan(host, on_bridge("plain"));
    ASSERT_EQ(plans.at(0).bridges.size(), 1U);
    EXPECT_EQ(plans[0].bridges[0].bridge, (Bridge{"plain", 10}));
}

TEST(VifPlan, VifsWithoutBridgeAreSpreadOverAllSwitchesFromTheirIdOn) {
    FakeHost host;
    host.network.add_bridge("xenbr0");
    host.network.add_bridge("xenbr1");
    const VifPlan spread = plan(host, {}).at(0);
    ASSERT_EQ(spread.bridges.size(), 2U);
    EXPECT_NE(spread.first_choice({DomainId(5), 0}), spread.first_choice({DomainId(6), 0}));
    EXPECT_NE(spread.first_choice({DomainId(5), 0}), spread.first_choice({DomainId(5), 1}));
}

TEST(VifPlan, GuestsOfABatchCannotShareAnAddress) {
    FakeHost host;
    host.network.add_bridge("xenbr0");
    VifConfig vif;
    vif.mac = parse_mac("00:16:3e:00:00:01");
    EXPECT_EQ(refusal(host, vif, 2).kind, ErrorKind::bad_config);
    EXPECT_THAT(refusal(host, vif, 2).problem, HasSubstr("MAC address 00:16:3e:00:00:01"));
    EXPECT_NO_THROW(static_cast<void>(plan(host, vif, 1)));
    EXPECT_NO_THROW(static_cast<void>(plan(host, vif, 0)));
    vif = {};
    vif.ip = {.kind = VifAddress::Kind::fixed, .text = "10.0.0.2", .prefix = {}};
    EXPECT_EQ(refusal(host, vif, 2).kind, ErrorKind::bad_config);
    EXPECT_THAT(refusal(host, vif, 2).problem, HasSubstr("address 10.0.0.2"));
    EXPECT_NO_THROW(static_cast<void>(plan(host, vif, 1)));
    EXPECT_NO_THROW(static_cast<void>(plan(host, {}, 1000)));
}

TEST(VifPlan, AutomaticAddressNeedsASwitchWithOne) {
    FakeHost host;
    host.network.add_bridge("xenbr0", parse_ipv4("10.0.0.1/22"));
    EXPECT_EQ(plan(host, with_automatic_address()).at(0).bridges.at(0).network,
              parse_ipv4("10.0.0.1/22"));
    host.network.add_bridge("xenbr1");
    const Failure failure = refusal(host, with_automatic_address());
    EXPECT_THAT(failure.problem, HasSubstr("'xenbr1' has no address"));
}

TEST(VifPlan, AutomaticAddressAndScriptExcludeEachOther) {
    FakeHost host;
    host.network.add_bridge("xenbr0", parse_ipv4("10.0.0.1/22"));
    VifConfig vif = with_automatic_address();
    vif.script = "vif-test";
    EXPECT_EQ(refusal(host, vif).kind, ErrorKind::bad_config);
}

TEST(VifPlan, ScriptIsFoundOnceAndMayKnowBridgesThatWeDoNot) {
    FakeHost host;
    VifConfig vif = on_bridge("ovs0");
    vif.script = "vif-test";
    const VifPlan by_script = plan(host, vif).at(0);
    EXPECT_EQ(by_script.script, "/etc/xen/scripts/vif-test");
    EXPECT_EQ(verbs::recorded(by_script, {DomainId(1), 0}).bridge, "ovs0");
    vif.script = "vif-missing";
    EXPECT_THAT(refusal(host, vif).problem, HasSubstr("vif-missing"));
}

TEST(VifPlan, WhatTheConfigGivesIsRecordedAsTheStoreHoldsIt) {
    FakeHost host;
    host.network.add_bridge("xenbr0");
    VifConfig vif;
    vif.mac = parse_mac("00:16:3E:00:00:0a");
    vif.ip = {.kind = VifAddress::Kind::fixed, .text = "10.0.0.2", .prefix = 24};
    vif.rate = VifRate{.bytes = 1250, .interval_us = 50000};
    const RecordedVif recorded = verbs::recorded(plan(host, vif).at(0), {DomainId(3), 2});
    EXPECT_EQ(recorded.number, 2);
    EXPECT_EQ(recorded.mac, "00:16:3e:00:00:0a");
    EXPECT_EQ(recorded.ip, "10.0.0.2/24");
    EXPECT_EQ(recorded.rate, "1250,50000");
    EXPECT_EQ(recorded.script, "");
    EXPECT_EQ(recorded.bridge, "");
    vif.ip.prefix.reset();
    EXPECT_EQ(verbs::recorded(plan(host, vif).at(0), {DomainId(3), 2}).ip, "10.0.0.2");
}

TEST(VifPlan, NoVifsAskNothing) {
    FakeHost host;
    EXPECT_THAT(verbs::plan_vifs(host.network, {}, 3), IsEmpty());
    EXPECT_THAT(host.hypervisor.calls, IsEmpty());
}

TEST(GeneratedMac, IsAnotherForEveryVifOfEveryGuest) {
    std::vector<bool> seen(std::size_t{1} << 24);
    for (std::uint16_t guest = 1; guest < DomainId::first_reserved; ++guest)
        for (std::uint16_t number = 0; number < GuestConfig::max_vifs; ++number) {
            const MacAddress mac = generated_mac({DomainId(guest), number});
            const std::size_t low =
                std::size_t{mac.bytes[3]} << 16 | std::size_t{mac.bytes[4]} << 8 | mac.bytes[5];
            ASSERT_FALSE(seen[low]) << "guest " << guest << ", vif " << number;
            seen[low] = true;
        }
}

TEST(GeneratedMac, LiesInTheUpperHalfOfXensRange) {
    for (const VifId& vif : {VifId{DomainId(1), 0}, VifId{DomainId(32751), 7}}) {
        const MacAddress mac = generated_mac(vif);
        EXPECT_TRUE(mac_text(mac).starts_with("00:16:3e:")) << mac_text(mac);
        EXPECT_GE(mac.bytes[3], 0x80) << mac_text(mac);
    }
}

// Every port's address is one of the network's hosts, and nobody else's.
void expect_own_addresses(const Ipv4Interface& host, unsigned ports) {
    const std::uint32_t hosts = (1U << (32 - host.prefix)) - 1;
    std::set<std::uint32_t> taken{host.address};
    for (unsigned port = 1; port <= ports; ++port) {
        const auto address = address_for_port(host, port);
        ASSERT_TRUE(address) << ipv4_text(host) << ", port " << port;
        EXPECT_EQ(address->prefix, host.prefix);
        EXPECT_EQ(address->address & ~hosts, host.address & ~hosts) << "in another network";
        EXPECT_NE(address->address & hosts, 0U) << "the network itself";
        EXPECT_NE(address->address & hosts, hosts) << "its broadcast";
        EXPECT_TRUE(taken.insert(address->address).second)
            << ipv4_text(*address) << " of port " << port << " is taken";
    }
}

TEST(AddressForPort, EveryPortOfAFullSwitchHasOneInASlash21WhereverTheHostIs) {
    const std::uint32_t network = 0x0A000000;  // 10.0.0.0
    for (const std::uint32_t host : {1U, 2U, 500U, 1022U, 1023U, 1024U, 1025U, 2046U})
        expect_own_addresses({.address = network + host, .prefix = 21}, max_switch_ports);
}

TEST(AddressForPort, SmallNetworksGiveAllTheyHaveAndThenNone) {
    for (const unsigned prefix : {22U, 24U, 28U, 29U, 30U}) {
        const unsigned hosts = (1U << (32 - prefix)) - 2;
        for (const unsigned host : {1U, hosts / 2, hosts}) {
            const Ipv4Interface interface {
                .address = 0xC0A80000 + host, .prefix = static_cast<std::uint8_t>(prefix)
            };
            expect_own_addresses(interface, hosts - 1);
            EXPECT_FALSE(address_for_port(interface, hosts)) << ipv4_text(interface);
            EXPECT_FALSE(address_for_port(interface, max_switch_ports + 100));
        }
    }
}

TEST(AddressForPort, NetworksWithoutRoomForTwoGiveNone) {
    for (const std::uint8_t prefix : {std::uint8_t{31}, std::uint8_t{32}})
        EXPECT_FALSE(address_for_port({.address = 0x0A000001, .prefix = prefix}, 1));
}

TEST(AddressForPort, PortsCountFromTheNetworksFirstAddress) {
    EXPECT_EQ(address_for_port(*parse_ipv4("10.0.0.1/22"), 1), parse_ipv4("10.0.0.2/22"));
    EXPECT_EQ(address_for_port(*parse_ipv4("10.0.0.1/22"), 300), parse_ipv4("10.0.1.45/22"));
    EXPECT_EQ(address_for_port(*parse_ipv4("10.0.3.254/22"), 1), parse_ipv4("10.0.0.1/22"));
}

}  // namespace
}  // namespace xcl::test
