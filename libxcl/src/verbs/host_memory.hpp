// SPDX-License-Identifier: BSD-3-Clause
// Whether the host has the memory for one guest more.
#pragma once

#include "ports/hypervisor.hpp"

namespace xcl::verbs {

// Throws Error if it has not; what else the host has comes with the answer.
HostInfo require_memory(Hypervisor& hypervisor, std::uint64_t pages);

}  // namespace xcl::verbs
