// SPDX-License-Identifier: BSD-3-Clause
// Reads a whole file of bounded size.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "kernel/origin.hpp"

namespace xcl::kernel {

// Refuses anything but a regular file of 1 to `limit` bytes, without waiting for anybody.
[[nodiscard]] std::vector<std::byte> read_file(const std::string& path, std::size_t limit,
                                               const Origin& origin);

}  // namespace xcl::kernel
