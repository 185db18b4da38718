// SPDX-License-Identifier: BSD-3-Clause
// ProcessStamp: names one process of this boot for good, although pids are reused.
#pragma once

#include <cstdint>

namespace xcl {

struct ProcessStamp {
    std::uint32_t pid = 0;
    std::uint32_t start_ticks = 0;    // since boot, from /proc/PID/stat, low 32 bits
    std::uint16_t pid_namespace = 0;  // low bits of the inode of /proc/self/ns/pid

    friend bool operator==(const ProcessStamp&, const ProcessStamp&) = default;
};

[[nodiscard]] ProcessStamp this_process();

// Whether that process still runs. One of another pid namespace counts as running: from here
// nobody can tell.
[[nodiscard]] bool is_running(const ProcessStamp& process);

}  // namespace xcl
