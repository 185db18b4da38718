// SPDX-License-Identifier: BSD-3-Clause
// Divides the host's CPUs.
#include "placement/placement.hpp"

#include <algorithm>

namespace xcl {
namespace {

std::uint16_t share_of_dom0(std::uint16_t host_cpus, std::uint16_t dom0_vcpus) {
    if (dom0_vcpus < host_cpus)
        return dom0_vcpus;
    if (host_cpus < 4)
        return 1;
    if (host_cpus < 8)
        return 2;
    return std::max<std::uint16_t>(3, host_cpus / 4);
}

}  // namespace

CpuPlan plan_cpus(std::uint16_t host_cpus, std::uint16_t dom0_vcpus) {
    CpuPlan plan;
    plan.host = std::max<std::uint16_t>(host_cpus, 1);
    plan.dom0 = share_of_dom0(plan.host, std::max<std::uint16_t>(dom0_vcpus, 1));
    plan.first_guest = plan.host == 1 ? 0 : plan.dom0;
    // The last CPU of dom0's goes to the store, the one before it to the console, as long as one
    // is left for the rest of dom0.
    const int last = plan.dom0 - 1;
    plan.store = static_cast<std::uint16_t>(last);
    plan.console = static_cast<std::uint16_t>(plan.dom0 >= 3 ? last - 1 : last);
    plan.general = std::max<std::uint16_t>(plan.console, 1);
    return plan;
}

CpuList dom0_cpus(const CpuPlan& plan, std::uint16_t vcpu) {
    return {vcpu < plan.dom0 ? vcpu : static_cast<std::uint16_t>(vcpu % plan.general)};
}

CpuList guest_cpus(const CpuPlan& plan, DomainId id, std::uint16_t vcpu) {
    const int cpus = plan.host - plan.first_guest;
    if (plan.host == 1)
        return {};
    return {static_cast<std::uint16_t>(plan.first_guest + (id.value() + vcpu) % cpus)};
}

}  // namespace xcl
