// SPDX-License-Identifier: BSD-3-Clause
// Faults on request, to see how a crashed guest looks from outside.
#pragma once

#include <string_view>

namespace guest {

inline constexpr std::string_view fault_names = "ud, gp, pf, divide, stack";

// Does not return if `name` is one of those.
void raise_fault(std::string_view name);

}  // namespace guest
