// SPDX-License-Identifier: BSD-3-Clause
// Looks at where dom0 and the daemons run.
#include <fmt/format.h>

#include "host/survey.hpp"
#include "placement/placement.hpp"

namespace xcl::host {
namespace {

// As xl writes lists: "0-2,5".
std::string words_of(const CpuList& cpus) {
    std::string text;
    for (std::size_t i = 0; i < cpus.size();) {
        std::size_t last = i;
        while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1)
            ++last;
        text += fmt::format("{}{}", text.empty() ? "" : ",", cpus[i]);
        if (last > i)
            text += fmt::format("-{}", cpus[last]);
        i = last + 1;
    }
    return text;
}

Finding daemon_finding(Host& host, std::string_view daemon, std::optional<pid_t> pid,
                       const CpuList& need, std::string_view reason) {
    Finding finding{.item = {.name = fmt::format("CPU of {}", daemon),
                             .have = "not running",
                             .need = words_of(need),
                             .reason = std::string(reason)}};
    if (!pid)
        return finding;
    const CpuList have = host.machine.cpus_of(*pid);
    finding.item.have = words_of(have);
    finding.item.enough = have == need;
    finding.set = [&host, process = *pid, need] { host.machine.set_cpus_of(process, need); };
    return finding;
}

Finding dom0_finding(Host& host, const CpuPlan& plan, std::uint16_t vcpus) {
    std::vector<VcpuId> asked;
    asked.reserve(vcpus);
    for (std::uint16_t vcpu = 0; vcpu < vcpus; ++vcpu)
        asked.push_back({control_domain, vcpu});
    const std::vector<std::optional<CpuList>> now = host.hypervisor.affinities(asked);
    unsigned kept = 0;
    for (std::uint16_t vcpu = 0; vcpu < vcpus; ++vcpu)
        kept += now[vcpu] == dom0_cpus(plan, vcpu) ? 1 : 0;
    Finding finding{.item = {.name = "CPUs of dom0",
                             .have = fmt::format("{} of {} vCPUs in place", kept, vcpus),
                             .need = fmt::format("{} in place", vcpus),
                             .reason = "vCPU n on CPU n: its daemons never wait for a guest"}};
    finding.item.enough = kept == vcpus;
    finding.set = [&host, plan, vcpus] {
        for (std::uint16_t vcpu = 0; vcpu < vcpus; ++vcpu)
            host.hypervisor.set_affinity(control_domain, vcpu, dom0_cpus(plan, vcpu));
    };
    return finding;
}

// Not a shortage: nothing but a larger machine, or dom0_max_vcpus, helps.
Finding shared_finding(const CpuPlan& plan) {
    const std::string_view who =
        plan.daemons_share()             ? "dom0, the store daemon and xenconsoled share one CPU"
        : plan.daemons_share_with_dom0() ? "xenconsoled shares a CPU with the rest of dom0"
                                         : "dom0 and each of its daemons have a CPU";
    const std::string_view guests =
        plan.guests_share_with_dom0() ? "the guests share it too" : "the guests have the others";
    return {.item = {.name = "CPUs",
                     .have = fmt::format("{}, {} of them for dom0", plan.host, plan.dom0),
                     .need = "as it is",
                     .reason = fmt::format("{}; {}", who, guests),
                     .enough = true}};
}

}  // namespace

void survey_cpus(Host& host, std::vector<Finding>& findings) {
    const std::uint16_t vcpus = host.hypervisor.info(control_domain).value().vcpus;
    const CpuPlan plan = plan_cpus(host.hypervisor.host_info().cpus, vcpus);
    if (plan.daemons_share_with_dom0() || plan.guests_share_with_dom0())
        findings.push_back(shared_finding(plan));
    if (plan.host > 1)
        findings.push_back(dom0_finding(host, plan, vcpus));
    // dom0's vCPU n is on the host's CPU n, so one numbering serves for its processes too.
    const std::optional<StoreDaemon> store = store_daemon(host.machine);
    findings.push_back(daemon_finding(host, store ? store->name : "the store daemon",
                                      store ? std::optional(store->pid) : std::nullopt,
                                      {plan.store}, "every create waits for it"));
    findings.push_back(daemon_finding(host, "xenconsoled", host.machine.find_process("xenconsoled"),
                                      {plan.console}, "it looks at all guests at each create"));
}

}  // namespace xcl::host
