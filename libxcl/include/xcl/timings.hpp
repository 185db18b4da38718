// SPDX-License-Identifier: BSD-3-Clause
// Timings: where the time of a Toolstack's calls went.
#pragma once

#include <chrono>

namespace xcl {

struct Timings {
    std::chrono::nanoseconds hypervisor{0};  // opening it, hypercalls, mapping and filling memory
    std::chrono::nanoseconds store{0};       // requests to XenStore and waiting for its daemon
    std::chrono::nanoseconds network{0};  // interfaces and switches: the kernel, and waiting for it
};

}  // namespace xcl
