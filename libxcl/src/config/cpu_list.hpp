// SPDX-License-Identifier: BSD-3-Clause
// Reader of CPU lists as xl writes them: "all", "0-3", "1,3", "0-7,^2".
#pragma once

#include "config/syntax.hpp"
#include "xcl/guest_config.hpp"

namespace xcl::config {

// The CPUs that one string (or bare number) names, ascending; empty for "all". Parts count from
// left to right, so "^2,2" has CPU 2. Throws Error if it is no such list or leaves no CPU.
[[nodiscard]] CpuList read_cpu_list(const Value& value);

}  // namespace xcl::config
