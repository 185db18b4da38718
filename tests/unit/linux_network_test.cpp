// SPDX-License-Identifier: BSD-3-Clause
// Vifs in a real kernel: plugged into bridges, looked at, heard of.
#include "net/linux_network.hpp"

#include <set>
#include <utility>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "failure_of.hpp"
#include "own_network.hpp"

namespace xcl::test {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

const VifId vif50{DomainId(5), 0};

class LinuxNetwork : public OwnNetwork {
  protected:
    void SetUp() override {
        OwnNetwork::SetUp();
        if (IsSkipped())
            return;
        network.add_switch({.name = "xenbr0", .address = {}, .uplink = {}});
        bridge = network.bridge("xenbr0");
    }

    // The next event of that vif; others are passed over.
    std::optional<NetworkEvent::Kind> next_of(const VifId& vif) {
        const auto deadline = steady_clock::now() + 5s;
        while (const auto event = network.wait_event(deadline))
            if (event->vif == vif && event->kind != NetworkEvent::Kind::lost)
                return event->kind;
        return std::nullopt;
    }

    Bridge bridge;
};

TEST_F(LinuxNetwork, PluggedVifIsOnItsBridgeAndUp) {
    make_vif("vif5.0");
    const auto port = network.plug(vif50, bridge);
    ASSERT_TRUE(port);
    EXPECT_EQ(fmt::format("0x{:x}", *port), attribute("vif5.0", "brport/port_no"));
    EXPECT_EQ(bridge_of("vif5.0"), "xenbr0");
    EXPECT_NE(std::stoul(attribute("vif5.0", "flags"), nullptr, 16) & 1, 0U);
}

TEST_F(LinuxNetwork, PortsOfABridgeHaveDifferentNumbers) {
    std::set<unsigned> ports;
    for (std::uint16_t number = 0; number < 8; ++number) {
        make_vif(fmt::format("vif5.{}", number));
        const auto port = network.plug({DomainId(5), number}, bridge);
        ASSERT_TRUE(port);
        EXPECT_TRUE(*port >= 1 && *port <= max_switch_ports) << *port;
        EXPECT_TRUE(ports.insert(*port).second) << *port;
    }
}

TEST_F(LinuxNetwork, VifThatIsNotThereCannotBePluggedIn) {
    const Failure failure = failure_of([&] { static_cast<void>(network.plug(vif50, bridge)); });
    EXPECT_EQ(failure.error, ENODEV);
    EXPECT_EQ(failure.doing, "plug vif5.0 into xenbr0");
    EXPECT_EQ(failure.domain, vif50.guest);
}

TEST_F(LinuxNetwork, FullBridgeTakesNoMore) {
    std::FILE* const batch = popen("ip -batch -", "w");
    ASSERT_NE(batch, nullptr);
    for (unsigned port = 0; port + 1 < max_switch_ports; port += 2)
        fmt::print(batch,
                   "link add p{0} type veth peer name q{0}\nlink set p{0} master xenbr0\n"
                   "link set q{0} master xenbr0\n",
                   port);
    fmt::print(batch, "link add vif5.0 type veth peer name vif6.0\n");
    ASSERT_EQ(pclose(batch), 0);
    ASSERT_EQ(network.switch_details().at(0).ports, max_switch_ports - 1);
    EXPECT_TRUE(network.plug(vif50, bridge));
    EXPECT_FALSE(network.plug({DomainId(6), 0}, bridge));
    EXPECT_EQ(bridge_of("vif6.0"), "");
}

TEST_F(LinuxNetwork, InterfaceIsToldWithItsBridgeCarrierAndCounters) {
    EXPECT_FALSE(network.interface_of(vif50));
    make_vif("vif5.0");
    auto interface = network.interface_of(vif50);
    ASSERT_TRUE(interface);
    EXPECT_EQ(interface->name, "vif5.0");
    EXPECT_FALSE(interface->bridge);
    EXPECT_FALSE(interface->carrier);
    ASSERT_TRUE(network.plug(vif50, bridge));
    ip({"link set vif5.0-peer up", "address add 10.9.9.9/24 dev vif5.0-peer"});
    // The guest's side speaks: what it sends, the control domain receives.
    static_cast<void>(std::system("ping -c 1 -W 1 10.9.9.1 >/dev/null 2>&1"));
    const auto counters = [] {
        return std::pair(attribute("vif5.0", "statistics/rx_packets"),
                         attribute("vif5.0", "statistics/tx_bytes"));
    };
    // Until nothing is counted meanwhile: interfaces that come up greet each other.
    const auto deadline = steady_clock::now() + 5s;
    std::pair<std::string, std::string> counted;
    do {
        counted = counters();
        interface = network.interface_of(vif50);
    } while (counted != counters() && steady_clock::now() < deadline);
    ASSERT_TRUE(interface && interface->bridge);
    EXPECT_EQ(*interface->bridge, bridge);
    EXPECT_TRUE(interface->carrier);
    EXPECT_EQ(std::to_string(interface->counters.sent_packets), counted.first);
    EXPECT_EQ(std::to_string(interface->counters.received_bytes), counted.second);
}

TEST_F(LinuxNetwork, AppearingVifIsHeardOfThenItsCarrier) {
    network.listen();
    make_vif("vif5.0");
    EXPECT_EQ(next_of(vif50), NetworkEvent::Kind::appeared);
    ASSERT_TRUE(network.plug(vif50, bridge));
    ip({"link set vif5.0-peer up"});
    const auto deadline = steady_clock::now() + 5s;
    std::optional<NetworkEvent::Kind> kind;
    while (kind != NetworkEvent::Kind::connected && steady_clock::now() < deadline)
        kind = next_of(vif50);
    EXPECT_EQ(kind, NetworkEvent::Kind::connected);
}

TEST_F(LinuxNetwork, WhatHappensBetweenListenAndWaitIsKept) {
    network.listen();
    make_vif("vif5.0");
    make_vif("vif6.0");
    EXPECT_EQ(next_of(vif50), NetworkEvent::Kind::appeared);
    EXPECT_EQ(next_of({DomainId(6), 0}), NetworkEvent::Kind::appeared);
}

TEST_F(LinuxNetwork, OtherInterfacesCauseNoEvents) {
    network.listen();
    make_vif("eth7");
    ip({"link add other type bridge", "link set eth7 up", "link set lo up"});
    EXPECT_FALSE(network.wait_event(steady_clock::now() + 50ms));
}

TEST_F(LinuxNetwork, WaitEndsAtItsDeadline) {
    network.listen();
    const auto start = steady_clock::now();
    EXPECT_FALSE(network.wait_event(start + 60ms));
    EXPECT_GE(steady_clock::now() - start, 60ms);
    EXPECT_FALSE(network.wait_event({})) << "a deadline that has passed asks what is there";
}

TEST_F(LinuxNetwork, EventsBeyondTheSocketsRoomAreToldAsLost) {
    network.listen();
    make_vif("vif5.0");
    std::FILE* const batch = popen("ip -batch -", "w");
    ASSERT_NE(batch, nullptr);
    for (unsigned change = 0; change < 4000; ++change)
        fmt::print(batch, "link set vif5.0 mtu {}\n", 1000 + change % 2);
    ASSERT_EQ(pclose(batch), 0);
    bool lost = false;
    while (const auto event = network.wait_event({}))
        lost = lost || event->kind == NetworkEvent::Kind::lost;
    EXPECT_TRUE(lost);
    // And it goes on.
    make_vif("vif6.0");
    EXPECT_EQ(next_of({DomainId(6), 0}), NetworkEvent::Kind::appeared);
}

TEST_F(LinuxNetwork, EndOfAScriptIsAnEventOfItsVif) {
    network.listen();
    network.start_script(
        {.path = "/bin/true", .action = "online", .vif = vif50, .bridge = "xenbr0"});
    network.start_script(
        {.path = "/bin/false", .action = "online", .vif = {DomainId(6), 0}, .bridge = "xenbr0"});
    std::map<VifId, std::string> ended;
    while (ended.size() < 2) {
        const auto event = network.wait_event(steady_clock::now() + 5s);
        ASSERT_TRUE(event);
        ASSERT_EQ(event->kind, NetworkEvent::Kind::script_ended);
        ended[event->vif] = event->problem;
    }
    EXPECT_EQ(ended.at(vif50), "");
    EXPECT_EQ(ended.at({DomainId(6), 0}), "the script /bin/false failed with exit status 1");
}

}  // namespace
}  // namespace xcl::test
