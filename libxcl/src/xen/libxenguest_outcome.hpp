// SPDX-License-Identifier: BSD-3-Clause
// LibxenguestOutcome: what the program libxenguest-stream says of its end, in one write to its
// descriptor 3. The stream is its standard input or output.
#pragma once

#include <array>
#include <climits>
#include <cstdint>

namespace xcl::xen {

inline constexpr int outcome_descriptor = 3;

struct LibxenguestOutcome {
    std::int32_t result = -1;
    std::int32_t error = 0;  // errno
    std::uint64_t store_frame = 0;
    std::uint64_t console_frame = 0;
    std::array<char, 400> said{};  // libxenguest's first complaint, a line that ends with NUL
};
static_assert(sizeof(LibxenguestOutcome) <= PIPE_BUF, "a pipe takes it whole");

}  // namespace xcl::xen
