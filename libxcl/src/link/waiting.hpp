// SPDX-License-Identifier: BSD-3-Clause
// Waiting for a descriptor, up to a moment.
#pragma once

#include <string>

#include "xcl/error.hpp"
#include "xcl/link.hpp"

namespace xcl::link {

// Sleeps until `events` (POLLIN, POLLOUT) or the end of the connection; false if the deadline
// passes first. `peer` is for the Error of a poll that fails.
[[nodiscard]] bool wait_for(int descriptor, short events, Link::Clock::time_point deadline,
                            const std::string& peer);

// The connection is of no use any more, by that call.
[[nodiscard]] Error lost(const std::string& peer, const char* call, int error);
// The other side let the deadline pass: it said nothing, or took nothing.
[[nodiscard]] Error too_slow(const std::string& peer);

}  // namespace xcl::link
