// SPDX-License-Identifier: BSD-3-Clause
// pin: which CPUs guests run on, from their creation and afterwards.
#include <cerrno>

#include <fmt/format.h>

#include "verbs/guests.hpp"
#include "verbs/verbs.hpp"
#include "xcl/error.hpp"

namespace xcl::verbs {
namespace {

// Numbers up to max_cpu are what "all,^2" leaves, so the last of them names no CPU of its own.
void require_cpus(const HostInfo& host, const CpuList& cpus) {
    if (cpus.empty() || cpus.back() < host.cpu_numbers || cpus.back() == GuestConfig::max_cpu)
        return;
    throw Error({.doing = "pin guests",
                 .problem = fmt::format("the host has no CPU {}, its last one is {}", cpus.back(),
                                        host.cpu_numbers - 1),
                 .hint = "'xl info' shows the host's CPUs"});
}

// A CPU that the plan chose may be off (smt=0 parks every second one): then Xen chooses.
void place(Hypervisor& hypervisor, DomainId id, std::uint16_t vcpu, const CpuList& cpus) {
    try {
        hypervisor.set_affinity(id, vcpu, cpus);
    } catch (const Error& error) {
        if (error.failure().error != EINVAL)
            throw;
    }
}

}  // namespace

CpuPlan plan_for(Hypervisor& hypervisor, const HostInfo& host, const GuestConfig& config) {
    if (config.cpus_of(0))
        return {};
    const std::optional<DomainInfo> dom0 = hypervisor.info(control_domain);
    return plan_cpus(host.cpus, dom0 ? dom0->vcpus : std::uint16_t{1});
}

void place_vcpus(Hypervisor& hypervisor, DomainId id, const GuestConfig& config,
                 const CpuPlan& plan) {
    for (std::uint16_t vcpu = 0; vcpu < config.vcpus; ++vcpu) {
        if (const std::optional<CpuList> given = config.cpus_of(vcpu)) {
            if (!given->empty())
                hypervisor.set_affinity(id, vcpu, *given);
        } else if (const CpuList chosen = guest_cpus(plan, id, vcpu); !chosen.empty()) {
            place(hypervisor, id, vcpu, chosen);
        }
    }
}

void pin(Hypervisor& hypervisor, std::span<const DomainId> ids, const CpuList& cpus) {
    const std::vector<DomainInfo> guests = require_guests(hypervisor, ids, "pin it");
    require_cpus(hypervisor.host_info(), cpus);
    for (const DomainInfo& guest : guests)
        for (std::uint16_t vcpu = 0; vcpu < guest.max_vcpus; ++vcpu)
            hypervisor.set_affinity(guest.id, vcpu, cpus);
}

std::vector<std::vector<CpuList>> cpus(Hypervisor& hypervisor,
                                       std::span<const DomainInfo> domains) {
    std::vector<VcpuId> vcpus;
    for (const DomainInfo& domain : domains)
        for (std::uint16_t vcpu = 0; vcpu < domain.max_vcpus; ++vcpu)
            vcpus.push_back({.domain = domain.id, .vcpu = vcpu});
    const std::vector<std::optional<CpuList>> answers = hypervisor.affinities(vcpus);
    std::vector<std::vector<CpuList>> all(domains.size());
    auto answer = answers.begin();
    for (std::size_t i = 0; i < domains.size(); ++i)
        for (std::uint16_t vcpu = 0; vcpu < domains[i].max_vcpus; ++vcpu, ++answer)
            if (*answer)
                all[i].push_back(**answer);
    return all;
}

}  // namespace xcl::verbs
