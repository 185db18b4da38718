// SPDX-License-Identifier: BSD-3-Clause
// Which CPUs the daemons of a host get.
#pragma once

#include <cstdint>

#include "xcl/guest_config.hpp"

namespace xcl::host {

// dom0's vCPU n is pinned to the host's CPU n, so that one numbering serves for both.
struct DaemonCpus {
    CpuList store;    // of xenstored or oxenstored
    CpuList console;  // of xenconsoled
    bool pin_dom0;    // otherwise dom0's vCPUs stay wherever Xen likes
    bool shared;      // somebody shares a CPU with the guests, or a daemon with the rest of dom0
};

[[nodiscard]] DaemonCpus daemon_cpus(std::uint32_t host_cpus, std::uint16_t dom0_vcpus);

}  // namespace xcl::host
