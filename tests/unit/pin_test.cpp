// SPDX-License-Identifier: BSD-3-Clause
// pin and cpus: where guests run, said and asked.
#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "failure_of.hpp"
#include "fakes.hpp"

namespace xcl::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

DomainId add_guest(FakeHost& host, std::uint16_t vcpus) {
    GuestConfig config = small_guest();
    config.vcpus = vcpus;
    config.cpus = CpuList{};
    return host.add_guest(config);
}

Failure pin_failure(FakeHost& host, const std::vector<DomainId>& ids, const CpuList& cpus) {
    return failure_of([&] { verbs::pin(host.hypervisor, ids, cpus); });
}

TEST(Pin, KeepsEveryVcpuOfEveryGuestToTheCpus) {
    FakeHost host;
    const DomainId one = add_guest(host, 2);
    const DomainId other = host.add_foreign("theirs");
    verbs::pin(host.hypervisor, std::vector{one, other}, {2, 3});
    EXPECT_THAT(host.hypervisor.domain(one).affinity,
                ElementsAre(std::pair(0, CpuList{2, 3}), std::pair(1, CpuList{2, 3})));
    EXPECT_THAT(host.hypervisor.domain(other).affinity, ElementsAre(std::pair(0, CpuList{2, 3})));
}

TEST(Pin, WithoutCpusLetsThemRunAnywhere) {
    FakeHost host;
    const DomainId id = add_guest(host, 1);
    verbs::pin(host.hypervisor, std::vector{id}, {2});
    verbs::pin(host.hypervisor, std::vector{id}, {});
    EXPECT_THAT(host.hypervisor.domain(id).affinity, IsEmpty());
}

TEST(Pin, CpuBeyondTheHostIsRefusedBeforeAnyGuestIsTouched) {
    FakeHost host;
    const DomainId id = add_guest(host, 1);
    const Failure failure = pin_failure(host, {id}, {2, 8});
    EXPECT_EQ(failure.problem, "the host has no CPU 8, its last one is 7");
    EXPECT_THAT(host.hypervisor.domain(id).affinity, IsEmpty());
    EXPECT_NO_THROW(verbs::pin(host.hypervisor, std::vector{id}, {7}));
}

TEST(Pin, AllButSomeCpusAreThoseThatTheHostHas) {
    FakeHost host;
    const DomainId id = add_guest(host, 1);
    EXPECT_NO_THROW(verbs::pin(host.hypervisor, std::vector{id}, parse_cpus("all,^2")));
    EXPECT_EQ(host.hypervisor.domain(id).affinity.at(0).at(2), 3);
}

TEST(Pin, UnknownGuestAndControlDomainAreRefusedBeforeAnyGuestIsTouched) {
    FakeHost host;
    const DomainId id = add_guest(host, 1);
    EXPECT_EQ(pin_failure(host, {id, DomainId(99)}, {2}).kind, ErrorKind::no_such_guest);
    EXPECT_EQ(pin_failure(host, {id, control_domain}, {2}).problem, "it is the control domain");
    EXPECT_THAT(host.hypervisor.domain(id).affinity, IsEmpty());
}

TEST(Pin, CpusThatAreAllOffAreAnError) {
    FakeHost host;
    host.hypervisor.parked_cpus = {3};
    const DomainId id = add_guest(host, 1);
    EXPECT_EQ(pin_failure(host, {id}, {3}).error, EINVAL);
}

TEST(Cpus, AreTheListsOfEachDomainsVcpus) {
    FakeHost host;
    const DomainId one = add_guest(host, 2);
    const DomainId other = add_guest(host, 1);
    verbs::pin(host.hypervisor, std::vector{other}, {1, 5});
    host.hypervisor.set_affinity(one, 1, {4});
    EXPECT_THAT(verbs::cpus(host.hypervisor, host.hypervisor.list()),
                ElementsAre(ElementsAre(CpuList{}), ElementsAre(CpuList{}, CpuList{4}),
                            ElementsAre(CpuList{1, 5})));
}

TEST(Cpus, OfADomainThatIsGoneAreNone) {
    FakeHost host;
    const DomainId one = add_guest(host, 2);
    const DomainId other = add_guest(host, 1);
    const std::vector<DomainInfo> seen = host.hypervisor.list();
    host.hypervisor.vanish(one);
    verbs::pin(host.hypervisor, std::vector{other}, {6});
    EXPECT_THAT(verbs::cpus(host.hypervisor, seen),
                ElementsAre(ElementsAre(CpuList{}), IsEmpty(), ElementsAre(CpuList{6})));
}

TEST(Cpus, AreAskedAllAtOnce) {
    FakeHost host;
    for (int i = 0; i < 20; ++i)
        static_cast<void>(add_guest(host, 3));
    host.hypervisor.calls.clear();
    EXPECT_EQ(verbs::cpus(host.hypervisor, host.hypervisor.list()).size(), 21U);
    EXPECT_THAT(host.hypervisor.calls, ElementsAre("list", "affinities"));
}

}  // namespace
}  // namespace xcl::test
