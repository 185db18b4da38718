// SPDX-License-Identifier: BSD-3-Clause
// Placement: what holds on every host of 1 to 256 CPUs, however many vCPUs dom0 has.
#include "placement/placement.hpp"

#include <algorithm>
#include <functional>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace xcl {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint16_t most_cpus = 256;

struct Host {
    std::uint16_t cpus;
    std::uint16_t dom0_vcpus;
    CpuPlan plan;
};

// Every host, with one vCPU of dom0 up to one more than it has CPUs.
void for_each_host(const std::function<void(const Host&)>& check) {
    for (std::uint16_t cpus = 1; cpus <= most_cpus; ++cpus) {
        for (std::uint16_t vcpus = 1; vcpus <= cpus + 1; ++vcpus) {
            check({.cpus = cpus, .dom0_vcpus = vcpus, .plan = plan_cpus(cpus, vcpus)});
            if (testing::Test::HasFailure()) {
                FAIL() << "on a host of " << cpus << " CPUs, with " << vcpus << " vCPUs of dom0";
            }
        }
    }
}

// The one CPU of a list.
std::uint16_t only(const CpuList& cpus) {
    EXPECT_EQ(cpus.size(), 1U);
    return cpus.empty() ? std::uint16_t{0} : cpus.front();
}

TEST(Placement, DividesTheHostWithoutRestAndLeavesGuestsACpu) {
    for_each_host([](const Host& host) {
        EXPECT_EQ(host.plan.host, host.cpus);
        EXPECT_GE(host.plan.dom0, 1);
        EXPECT_GE(host.plan.general, 1);
        EXPECT_LT(host.plan.first_guest, host.cpus);
        if (host.cpus > 1) {
            EXPECT_EQ(host.plan.first_guest, host.plan.dom0);
        }
    });
}

TEST(Placement, KeepsWhatItSaysItKeepsApart) {
    for_each_host([](const Host& host) {
        const CpuPlan& plan = host.plan;
        EXPECT_LT(plan.store, plan.dom0);
        EXPECT_LT(plan.console, plan.dom0);
        EXPECT_EQ(plan.daemons_share(), plan.dom0 < 3);
        EXPECT_EQ(plan.daemons_share_with_dom0(), plan.dom0 < 2);
        EXPECT_EQ(plan.guests_share_with_dom0(), plan.host < 2);
        const int kept = plan.daemons_share_with_dom0() ? 0 : plan.daemons_share() ? 1 : 2;
        EXPECT_EQ(plan.general + kept, plan.dom0);
    });
}

TEST(Placement, FollowsWhoeverChoseTheNumberOfDom0sVcpus) {
    for_each_host([](const Host& host) {
        if (host.dom0_vcpus < host.cpus) {
            EXPECT_EQ(host.plan.dom0, host.dom0_vcpus);
        } else {
            EXPECT_LE(host.plan.dom0, std::max(host.cpus / 2, 1));
            EXPECT_EQ(host.plan, plan_cpus(host.cpus, host.cpus));
        }
    });
}

TEST(Placement, GivesEachDaemonACpuOfItsOwnFromEightCpusOn) {
    for (std::uint16_t cpus = 8; cpus <= most_cpus; ++cpus) {
        const CpuPlan plan = plan_cpus(cpus, cpus);
        EXPECT_FALSE(plan.daemons_share()) << cpus;
        EXPECT_LE(plan.dom0, cpus * 3 / 8) << cpus;
    }
}

TEST(Placement, KeepsDom0sVcpusToItsCpusAndOneEachWithTheDaemons) {
    for_each_host([](const Host& host) {
        std::vector<int> load(host.cpus);
        for (std::uint16_t vcpu = 0; vcpu < host.dom0_vcpus; ++vcpu)
            ++load.at(only(dom0_cpus(host.plan, vcpu)));
        for (std::uint16_t cpu = 0; cpu < host.cpus; ++cpu)
            EXPECT_EQ(load[cpu] > 0, cpu < host.plan.dom0 && cpu < host.dom0_vcpus);
        if (!host.plan.daemons_share_with_dom0()) {
            EXPECT_EQ(load[host.plan.store], 1);
            EXPECT_EQ(load[host.plan.console], 1);
        }
        const auto [least, most] =
            std::minmax_element(load.begin(), load.begin() + host.plan.general);
        EXPECT_LE(*most - *least, 1);
    });
}

TEST(Placement, SpreadsGuestsEvenlyOverTheirCpusAndOverNoOthers) {
    for (std::uint16_t cpus = 2; cpus <= most_cpus; ++cpus) {
        for (const int dom0_vcpus : {1, 2, 3, cpus / 2, cpus - 1, int{cpus}}) {
            const CpuPlan plan = plan_cpus(cpus, static_cast<std::uint16_t>(dom0_vcpus));
            std::vector<int> load(cpus);
            for (std::uint16_t id = 1; id <= 2 * most_cpus + 7; ++id)
                ++load.at(only(guest_cpus(plan, DomainId(id), 0)));
            EXPECT_THAT(std::vector(load.begin(), load.begin() + plan.first_guest),
                        testing::Each(0));
            const auto [least, most] =
                std::minmax_element(load.begin() + plan.first_guest, load.end());
            EXPECT_LE(*most - *least, 1) << cpus << " CPUs, " << dom0_vcpus << " vCPUs of dom0";
        }
    }
}

TEST(Placement, SpreadsTheVcpusOfOneGuest) {
    const CpuPlan plan = plan_cpus(8, 3);
    CpuList used;
    for (std::uint16_t vcpu = 0; vcpu < 5; ++vcpu)
        used.push_back(only(guest_cpus(plan, DomainId(77), vcpu)));
    std::sort(used.begin(), used.end());
    EXPECT_THAT(used, ElementsAre(3, 4, 5, 6, 7));
}

TEST(Placement, HoldsForTheHighestIds) {
    const CpuPlan plan = plan_cpus(GuestConfig::max_cpu + 1, 4);
    const DomainId last(DomainId::first_reserved - 1);
    EXPECT_LE(only(guest_cpus(plan, last, GuestConfig::max_vcpus - 1)), GuestConfig::max_cpu);
}

TEST(Placement, LeavesTheOnlyCpuToXen) {
    EXPECT_THAT(guest_cpus(plan_cpus(1, 1), DomainId(5), 0), IsEmpty());
    EXPECT_EQ(plan_cpus(0, 0), plan_cpus(1, 1));
}

TEST(Placement, OfHostsThatPeopleHave) {
    // CPUs, dom0's vCPUs -> dom0's CPUs, general ones, console daemon, store daemon, first guest.
    EXPECT_EQ(plan_cpus(1, 1), (CpuPlan{1, 1, 1, 0, 0, 0}));
    EXPECT_EQ(plan_cpus(2, 1), (CpuPlan{2, 1, 1, 0, 0, 1}));
    EXPECT_EQ(plan_cpus(4, 4), (CpuPlan{4, 2, 1, 1, 1, 2}));
    EXPECT_EQ(plan_cpus(8, 8), (CpuPlan{8, 3, 1, 1, 2, 3}));
    EXPECT_EQ(plan_cpus(32, 4), (CpuPlan{32, 4, 2, 2, 3, 4}));
    EXPECT_EQ(plan_cpus(128, 128), (CpuPlan{128, 32, 30, 30, 31, 32}));
}

}  // namespace
}  // namespace xcl
