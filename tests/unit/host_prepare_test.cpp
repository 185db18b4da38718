// SPDX-License-Identifier: BSD-3-Clause
// host prepare: sets what is short, once.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_machine.hpp"
#include "fakes.hpp"

namespace xcl::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;

const HostDemand demand{.guests = 10000, .data_directory = "/usr/share/cosmos"};

TEST(HostPrepare, AfterItOnlyThatIsShortWhichItSaid) {
    FakeXenHost host;
    EXPECT_THAT(host.prepare(demand),
                IsSupersetOf({"kernel.pty.max", "open files of xenconsoled", "CPU of xenstored",
                              "CPUs of dom0", "/run/cosmos", "/run/cosmos/hotplug/vif-cosmos"}));
    std::vector<std::string> short_after;
    for (const HostItem& item : host.check(demand))
        if (!item.enough)
            short_after.push_back(item.name);
    std::vector<std::string> said;
    for (const HostItem& item : host.still_short)
        said.push_back(item.name);
    EXPECT_EQ(short_after, said);
    EXPECT_THAT(said, ElementsAre("store daemon", "free Xen memory"));
}

TEST(HostPrepare, TwiceChangesNothing) {
    FakeXenHost host;
    EXPECT_THAT(host.prepare(demand), Not(IsEmpty()));
    EXPECT_THAT(host.prepare(demand), IsEmpty());
}

TEST(HostPrepare, DryRunNamesTheSameAndSetsNothing) {
    FakeXenHost host;
    const auto files = host.machine.files;
    const auto processes = host.machine.processes;
    const std::vector<std::string> would = host.prepare(demand, true);
    EXPECT_EQ(host.machine.files, files);
    EXPECT_EQ(host.machine.processes, processes);
    EXPECT_FALSE(host.machine.ramdisk);
    EXPECT_THAT(host.hypervisor.domains[0].affinity, IsEmpty());
    EXPECT_EQ(host.prepare(demand), would);
}

TEST(HostPrepare, LeavesMoreThanEnoughAlone) {
    FakeXenHost host;
    std::string& terminals = host.machine.files.at("/proc/sys/kernel/pty/max");
    terminals = "999999\n";
    host.machine.ramdisk = std::uint64_t{1} << 40;
    EXPECT_THAT(host.prepare(demand), Not(Contains("kernel.pty.max")));
    EXPECT_EQ(terminals, "999999\n");
    EXPECT_EQ(host.machine.ramdisk, std::uint64_t{1} << 40);
}

TEST(HostPrepare, RaisesTheCeilingBeforeTheLimitsBelowIt) {
    FakeXenHost host;
    host.machine.files.at("/proc/sys/fs/nr_open") = "1024\n";
    host.prepare(demand);
    EXPECT_EQ(host.machine.processes.at("xenconsoled").files, 40256U);
}

TEST(HostPrepare, PinsDom0AndGivesTheDaemonsTheirCpus) {
    FakeXenHost host;
    host.prepare(demand);
    for (std::uint16_t vcpu = 0; vcpu < 4; ++vcpu)
        EXPECT_EQ(host.hypervisor.domains[0].affinity[vcpu], CpuList{vcpu});
    EXPECT_EQ(host.machine.processes.at("xenstored").cpus, CpuList{3});
    EXPECT_EQ(host.machine.processes.at("xenconsoled").cpus, CpuList{2});
}

TEST(HostPrepare, LeavesDom0WhereItIsOnASingleCpu) {
    FakeXenHost host;
    host.hypervisor.host_cpus = 1;
    host.prepare(demand);
    EXPECT_THAT(host.hypervisor.domains[0].affinity, IsEmpty());
}

TEST(HostPrepare, CopiedConfigsNameTheCopiedImages) {
    FakeXenHost host;
    host.prepare(demand);
    EXPECT_EQ(host.machine.files.at("/run/cosmos/images/guest.elf"), "an image");
    EXPECT_EQ(
        host.machine.files.at("/run/cosmos/configs/guest.cfg"),
        "kernel = '/run/cosmos/images/guest.elf'\nextra = '/usr/share/cosmos/guest.elf.gz'\n");
    EXPECT_THAT(host.machine.executables, ElementsAre("/run/cosmos/hotplug/vif-cosmos"));
}

TEST(HostPrepare, BringsOutdatedCopiesUpToDate) {
    FakeXenHost host;
    host.prepare(demand);
    host.machine.files.at("/usr/share/cosmos/guest.elf") = "a newer image";
    EXPECT_THAT(host.prepare(demand), ElementsAre("/run/cosmos/images/guest.elf"));
    EXPECT_EQ(host.machine.files.at("/run/cosmos/images/guest.elf"), "a newer image");
}

TEST(HostPrepare, MakesMissingSwitchesUnderFreeNames) {
    FakeXenHost host;
    host.network.bridges.clear();
    host.network.add_bridge("cosmos-sw1");
    host.network.add_bridge("mine");
    host.prepare({.guests = 4 * max_switch_ports});
    std::vector<std::string> names;
    for (const Switch& made : host.network.switches())
        names.push_back(made.name);
    EXPECT_THAT(names, ElementsAre("cosmos-sw1", "mine", "cosmos-sw0", "cosmos-sw2"));
}

// Whatever fails, what was announced was set, and the next prepare does the rest.
TEST(HostPrepare, GoesOnWhereAFailedOneStopped) {
    FakeXenHost whole;
    const std::size_t all = whole.prepare(demand).size();
    for (std::size_t point = 0;; ++point) {
        FakeXenHost host;
        host.faults.fail_at(point, EIO);
        std::size_t announced = 0;
        try {
            host::prepare(host.parts, demand, {.on_change = [&](const HostItem&) { ++announced; }});
        } catch (const Error& error) {
            EXPECT_EQ(error.failure().error, EIO);
        }
        const bool past_the_end = !host.faults.hit();
        const std::string what = host.faults.what();
        host.faults.none();
        EXPECT_EQ(announced + host.prepare(demand).size(), all) << point << " " << what;
        if (past_the_end)
            break;
    }
}

}  // namespace
}  // namespace xcl::test
