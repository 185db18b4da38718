// SPDX-License-Identifier: BSD-3-Clause
// Shares dom0's CPUs out from the last one: the store daemon answers every create, so it comes
// first; xenconsoled wakes at each create and would stand in its way.
#include "host/daemon_cpus.hpp"

namespace xcl::host {

DaemonCpus daemon_cpus(std::uint32_t host_cpus, std::uint16_t dom0_vcpus) {
    DaemonCpus cpus{};
    const auto last = static_cast<std::uint16_t>(dom0_vcpus - 1);
    cpus.store = {last};
    cpus.console = {static_cast<std::uint16_t>(dom0_vcpus > 1 ? last - 1 : last)};
    // Pinned, dom0 keeps its CPUs and the guests have the others, if there are any.
    cpus.pin_dom0 = host_cpus > dom0_vcpus;
    cpus.shared = dom0_vcpus < 3 || !cpus.pin_dom0;
    return cpus;
}

}  // namespace xcl::host
