// SPDX-License-Identifier: BSD-3-Clause
// poll, with a moment instead of milliseconds.
#pragma once

#include <chrono>

namespace xcl {

// Sleeps until `events` (POLLIN, POLLOUT) or the end of what the descriptor stands for: 1; 0 if the
// deadline passes first; -1 with errno, but never EINTR.
[[nodiscard]] int poll_until(int descriptor, short events,
                             std::chrono::steady_clock::time_point deadline);

}  // namespace xcl
