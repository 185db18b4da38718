// SPDX-License-Identifier: BSD-3-Clause
// Sleeps in parts that poll can count.
#include "core/poll_until.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include <poll.h>

namespace xcl {

int poll_until(int descriptor, short events, std::chrono::steady_clock::time_point deadline) {
    using std::chrono::milliseconds;
    constexpr std::int64_t most = 60'000;  // poll counts in an int
    for (;;) {
        const auto now = std::chrono::steady_clock::now();
        const std::int64_t left =
            deadline <= now ? 0
                            : std::min(most, std::chrono::ceil<milliseconds>(
                                                 std::min(deadline, now + milliseconds(most)) - now)
                                                 .count());
        pollfd ready{.fd = descriptor, .events = events, .revents = 0};
        const int count = poll(&ready, 1, static_cast<int>(left));
        if (count > 0 || (count == 0 && left == 0))
            return count;
        if (count < 0 && errno != EINTR)
            return -1;
    }
}

}  // namespace xcl
