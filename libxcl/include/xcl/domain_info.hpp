// SPDX-License-Identifier: BSD-3-Clause
// DomainInfo: what the hypervisor says of one domain at one moment.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "xcl/domain_id.hpp"
#include "xcl/uuid.hpp"

namespace xcl {

// Why a domain stopped; the values are Xen's SHUTDOWN_* (xen/sched.h).
enum class ShutdownReason : std::uint8_t {
    poweroff = 0,
    reboot = 1,
    suspend = 2,
    crash = 3,
    watchdog = 4,
    soft_reset = 5,
};

enum class DomainState {
    running,   // on a CPU, or wants one
    blocked,   // waits for an event
    paused,    // held by a toolstack
    shutdown,  // ended by itself; DomainInfo::reason says why
    dying,     // destroyed, but somebody still holds memory of it
};

struct DomainInfo {
    DomainId id{0};
    DomainState state = DomainState::running;
    std::optional<ShutdownReason> reason;  // set when state is shutdown
    bool paravirtualised = true;
    std::uint16_t vcpus = 0;       // online now
    std::uint16_t max_vcpus = 0;   // all it has, numbered from 0
    std::uint64_t memory_kib = 0;  // owned now
    std::uint64_t max_memory_kib = 0;
    std::chrono::nanoseconds cpu_time{0};  // used so far, all vCPUs together
    Uuid uuid{};
    bool ours = false;        // created by libxcl
    bool unfinished = false;  // ours, and its creation has not ended (or was killed)
    // Suspended here and sent to another host, where it may run: see Toolstack::settle.
    bool in_doubt = false;
};

}  // namespace xcl
