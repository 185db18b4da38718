// SPDX-License-Identifier: BSD-3-Clause
// host check: what so many guests need, and what is short.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_machine.hpp"
#include "fakes.hpp"

namespace xcl::test {
namespace {

using ::testing::HasSubstr;

const HostDemand many{.guests = 10000};
const HostDemand few{.guests = 10};

TEST(HostCheck, NumbersGrowWithTheGuests) {
    FakeXenHost host;
    EXPECT_TRUE(host.item("kernel.pty.max", few).enough);
    const HostItem terminals = host.item("kernel.pty.max", many);
    EXPECT_FALSE(terminals.enough);
    EXPECT_EQ(terminals.have, "4096");
    EXPECT_EQ(terminals.need, "11024");
    EXPECT_EQ(host.item("open files of xenconsoled", many).need, "40256");
    EXPECT_EQ(host.item("open files of xenstored", many).need, "20256");
}

TEST(HostCheck, EveryItemSaysWhy) {
    FakeXenHost host;
    for (const HostItem& item : host.check(many)) {
        EXPECT_NE(item.reason, "") << item.name;
        EXPECT_NE(item.have, "") << item.name;
        EXPECT_NE(item.need, "") << item.name;
    }
}

TEST(HostCheck, OneQueueIsEnoughAndMoreAreTooMany) {
    FakeXenHost host;
    const std::string name = "xen_netback.max_queues";
    std::string& queues = host.machine.files.at("/sys/module/xen_netback/parameters/max_queues");
    EXPECT_FALSE(host.item(name, few).enough);
    queues = "1\n";
    EXPECT_TRUE(host.item(name, few).enough);
    queues = "0\n";  // as many as there are CPUs
    EXPECT_FALSE(host.item(name, few).enough);
}

TEST(HostCheck, WithoutNetbackSaysHowToLoadIt) {
    FakeXenHost host;
    host.machine.files.erase("/sys/module/xen_netback/parameters/max_queues");
    const HostItem queues = host.item("xen_netback.max_queues", few);
    EXPECT_FALSE(queues.enough);
    EXPECT_THAT(queues.reason, HasSubstr("modprobe"));
}

TEST(HostCheck, ManyGuestsSuitOxenstored) {
    FakeXenHost host;
    EXPECT_TRUE(host.item("store daemon", {.guests = 300}).enough);
    EXPECT_FALSE(host.item("store daemon", {.guests = 301}).enough);
    host.machine.processes["oxenstored"] = {.pid = 126, .cpus = {3}};
    host.machine.processes.erase("xenstored");
    EXPECT_TRUE(host.item("store daemon", {.guests = 301}).enough);
}

TEST(HostCheck, HostForwardsOnceThereAreSeveralSwitches) {
    FakeXenHost host;
    EXPECT_TRUE(host.item("net.ipv4.ip_forward", {.guests = 1023}).enough);
    EXPECT_FALSE(host.item("net.ipv4.ip_forward", {.guests = 1024}).enough);
    host.machine.files.at("/proc/sys/net/ipv4/ip_forward") = "1\n";
    EXPECT_TRUE(host.item("net.ipv4.ip_forward", {.guests = 1024}).enough);
}

TEST(HostCheck, WithoutDaemonsSaysSo) {
    FakeXenHost host;
    host.machine.processes.clear();
    EXPECT_EQ(host.item("store daemon", few).have, "none");
    EXPECT_EQ(host.item("open files of xenconsoled", few).have, "not running");
    EXPECT_FALSE(host.item("CPU of the store daemon", few).enough);
}

TEST(HostCheck, GuestsThatRunNeedNoFurtherMemory) {
    FakeXenHost host;
    host.hypervisor.free_pages = 50 * 256;  // 50 MiB
    const HostItem before = host.item("free Xen memory", few);
    EXPECT_EQ(before.need, "41 MiB");
    EXPECT_TRUE(before.enough);
    host.hypervisor.domains[1] = {};
    EXPECT_EQ(host.item("free Xen memory", few).need, "37 MiB");
    EXPECT_FALSE(host.item("free Xen memory", {.guests = 14}).enough);
    EXPECT_FALSE(host.item("free Xen memory", {.guests = 10, .memory_mib = 8}).enough);
}

TEST(HostCheck, OfMoreGuestsThanDemandedNoneIsToCome) {
    FakeXenHost host;
    for (std::uint16_t id = 1; id < 20; ++id)
        host.hypervisor.domains[id] = {};
    EXPECT_EQ(host.item("free Xen memory", few).need, "0 MiB");
}

TEST(HostCheck, MemoryOfDom0IsWhatIsAvailable) {
    FakeXenHost host;
    EXPECT_EQ(host.item("free memory of dom0", many).have, "7812 MiB");
    EXPECT_TRUE(host.item("free memory of dom0", many).enough);
    host.machine.files.at("/proc/meminfo") = "MemAvailable: 1024 kB\n";
    EXPECT_FALSE(host.item("free memory of dom0", many).enough);
}

TEST(HostCheck, ASwitchForEach1023Guests) {
    FakeXenHost host;
    host.network.bridges.clear();
    EXPECT_FALSE(host.item("switches", few).enough);
    host.network.add_bridge("sw0");
    EXPECT_TRUE(host.item("switches", {.guests = 1023}).enough);
    EXPECT_FALSE(host.item("switches", {.guests = 1024}).enough);
    EXPECT_EQ(host.item("switches", many).need, "10");
}

TEST(HostCheck, SaysWhoSharesACpu) {
    FakeXenHost host;
    host.hypervisor.domains[0].vcpus = 1;
    host.hypervisor.host_cpus = 1;
    const HostItem cpus = host.item("CPUs", few);
    EXPECT_TRUE(cpus.enough);
    EXPECT_THAT(cpus.reason, HasSubstr("share one CPU"));
    EXPECT_THAT(cpus.reason, HasSubstr("the guests share it too"));
}

TEST(HostCheck, FailsWhereACallFails) {
    FakeXenHost host;
    std::size_t point = 0;
    for (;; ++point) {
        host.faults.fail_at(point, EIO);
        try {
            static_cast<void>(host.check({.guests = 10, .data_directory = "/usr/share/cosmos"}));
        } catch (const Error& error) {
            EXPECT_EQ(error.failure().error, EIO);
            continue;
        }
        break;
    }
    EXPECT_FALSE(host.faults.hit());  // the loop ended behind the last call
    EXPECT_GT(point, 30U);
}

}  // namespace
}  // namespace xcl::test
