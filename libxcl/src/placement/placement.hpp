// SPDX-License-Identifier: BSD-3-Clause
// Placement: which CPUs of the host are whose, as a pure function of how many there are.
#pragma once

#include <cstdint>

#include "xcl/domain_id.hpp"
#include "xcl/guest_config.hpp"

namespace xcl {

// The host's CPUs in their order: dom0's general ones, the console daemon's, the store daemon's,
// the guests'. Both daemons are processes of dom0: they keep to a vCPU of its that keeps to a CPU
// which nothing else gets, as far as the host has so many.
struct CpuPlan {
    std::uint16_t host = 1;         // CPUs 0 to host - 1
    std::uint16_t dom0 = 1;         // CPUs 0 to dom0 - 1 run dom0's vCPUs
    std::uint16_t general = 1;      // CPUs 0 to general - 1 run all of dom0 but the daemons
    std::uint16_t console = 0;      // the CPU of the console daemon
    std::uint16_t store = 0;        // the CPU of the store daemon
    std::uint16_t first_guest = 0;  // CPUs from this to host - 1 run guests

    // What a host is too small to keep apart.
    [[nodiscard]] constexpr bool daemons_share() const { return console == store; }
    [[nodiscard]] constexpr bool daemons_share_with_dom0() const { return console < general; }
    [[nodiscard]] constexpr bool guests_share_with_dom0() const { return first_guest < dom0; }

    friend bool operator==(const CpuPlan&, const CpuPlan&) = default;
};

// dom0 has as many CPUs as vCPUs if those are fewer than the host has (dom0_max_vcpus was chosen).
// Otherwise it gets a quarter of them, but three where guests keep most of eight or more, so that
// each daemon has a CPU of its own, and two of four or more. A count of 0 is taken as 1.
[[nodiscard]] CpuPlan plan_cpus(std::uint16_t host_cpus, std::uint16_t dom0_vcpus);

// Where that vCPU of dom0 belongs, one CPU: vCPU i on CPU i, those beyond dom0's share round-robin
// on its general CPUs, away from the daemons.
[[nodiscard]] CpuList dom0_cpus(const CpuPlan& plan, std::uint16_t vcpu);

// Where that vCPU of a guest belongs: one CPU, round-robin by domain id, so that guests made one
// after the other and the vCPUs of one guest spread evenly, and nobody has to look at the others.
// Empty (wherever Xen likes) on a host of one CPU.
[[nodiscard]] CpuList guest_cpus(const CpuPlan& plan, DomainId id, std::uint16_t vcpu);

}  // namespace xcl
