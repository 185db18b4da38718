// SPDX-License-Identifier: BSD-3-Clause
// installation_prefix: where bin/, share/ and libexec/ are neighbours.
#pragma once

#include <string>

namespace xcl {

// Of the installation that this program belongs to: two levels above it.
[[nodiscard]] std::string installation_prefix();

}  // namespace xcl
