// SPDX-License-Identifier: BSD-3-Clause
// Waits for a connection, and says what became of it.
#include "link/waiting.hpp"

#include <cerrno>

#include <fmt/format.h>

#include "core/poll_until.hpp"

namespace xcl::link {

bool wait_for(int descriptor, short events, Link::Clock::time_point deadline,
              const std::string& peer) {
    const int count = poll_until(descriptor, events, deadline);
    if (count < 0)
        throw lost(peer, "poll", errno);
    return count > 0;
}

Error lost(const std::string& peer, const char* call, int error) {
    return Error({.doing = fmt::format("talk to {}", peer), .call = call, .error = error});
}

Error too_slow(const std::string& peer) {
    return Error(
        {.doing = fmt::format("talk to {}", peer), .problem = "it has been silent for too long"});
}

}  // namespace xcl::link
