// SPDX-License-Identifier: BSD-3-Clause
// Looks at where dom0 and the daemons run.
#include <fmt/format.h>

#include "host/daemon_cpus.hpp"
#include "host/survey.hpp"

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

Finding dom0_finding(Host& host, std::uint16_t vcpus) {
    std::uint16_t pinned = 0;
    for (std::uint16_t vcpu = 0; vcpu < vcpus; ++vcpu)
        if (host.hypervisor.affinity(control_domain, vcpu) == CpuList{vcpu})
            ++pinned;
    Finding finding{.item = {.name = "CPUs of dom0",
                             .have = fmt::format("{} of {} vCPUs pinned", pinned, vcpus),
                             .need = fmt::format("{} pinned", vcpus),
                             .reason = "vCPU n to CPU n: its daemons never wait for a guest"}};
    finding.item.enough = pinned == vcpus;
    finding.set = [&host, vcpus] {
        for (std::uint16_t vcpu = 0; vcpu < vcpus; ++vcpu)
            host.hypervisor.set_affinity(control_domain, vcpu, {vcpu});
    };
    return finding;
}

// Not a shortage: nothing but a larger machine helps.
Finding shared_finding(std::uint32_t cpus, std::uint16_t vcpus, bool pinned) {
    const std::string_view who = vcpus == 1 ? "dom0, the store daemon and xenconsoled share one CPU"
                                 : vcpus == 2 ? "xenconsoled shares a CPU with the rest of dom0"
                                              : "dom0 and each of its daemons have a CPU";
    return {.item = {.name = "CPUs",
                     .have = fmt::format("{}, {} of them for dom0", cpus, vcpus),
                     .need = "as it is",
                     .reason = fmt::format("{}; the guests {}", who,
                                           pinned ? "may have the others" : "share those"),
                     .enough = true}};
}

}  // namespace

void survey_cpus(Host& host, std::vector<Finding>& findings) {
    const std::uint32_t cpus = host.hypervisor.host_cpus();
    const std::uint16_t vcpus = host.hypervisor.info(control_domain).value().vcpus;
    const DaemonCpus plan = daemon_cpus(cpus, vcpus);
    if (plan.shared)
        findings.push_back(shared_finding(cpus, vcpus, plan.pin_dom0));
    if (plan.pin_dom0)
        findings.push_back(dom0_finding(host, vcpus));
    const std::optional<StoreDaemon> store = store_daemon(host.machine);
    findings.push_back(daemon_finding(host, store ? store->name : "the store daemon",
                                      store ? std::optional(store->pid) : std::nullopt, plan.store,
                                      "every create waits for it"));
    findings.push_back(daemon_finding(host, "xenconsoled", host.machine.find_process("xenconsoled"),
                                      plan.console, "it looks at all guests at each create"));
}

}  // namespace xcl::host
