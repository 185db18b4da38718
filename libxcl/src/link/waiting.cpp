// SPDX-License-Identifier: BSD-3-Clause
// poll, with moments instead of milliseconds.
#include "link/waiting.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include <fmt/format.h>
#include <poll.h>

namespace xcl::link {

bool wait_for(int descriptor, short events, Link::Clock::time_point deadline,
              const std::string& peer) {
    using std::chrono::milliseconds;
    constexpr std::int64_t most = 60'000;  // poll counts in an int
    for (;;) {
        const auto now = Link::Clock::now();
        const std::int64_t left =
            deadline <= now ? 0
                            : std::min(most, std::chrono::ceil<milliseconds>(
                                                 std::min(deadline, now + milliseconds(most)) - now)
                                                 .count());
        pollfd ready{.fd = descriptor, .events = events, .revents = 0};
        const int count = poll(&ready, 1, static_cast<int>(left));
        if (count > 0)
            return true;
        if (count < 0 && errno != EINTR)
            throw lost(peer, "poll", errno);
        if (count == 0 && left == 0)
            return false;
    }
}

Error lost(const std::string& peer, const char* call, int error) {
    return Error({.doing = fmt::format("talk to {}", peer), .call = call, .error = error});
}

Error too_slow(const std::string& peer) {
    return Error(
        {.doing = fmt::format("talk to {}", peer), .problem = "it has been silent for too long"});
}

}  // namespace xcl::link
