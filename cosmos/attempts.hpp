// SPDX-License-Identifier: BSD-3-Clause
// Attempts: one after the other of things that do not depend on each other.
#pragma once

#include <cstddef>
#include <functional>

#include "context.hpp"

namespace cosmos {

// From now on SIGINT and SIGTERM end try_each between two of its steps: in the middle of one, a
// guest would be left suspended.
void end_between_steps();

// Does step(0) to step(count - 1). All are tried, each failure is reported, and the first one's
// status is returned, or that of an interruption.
[[nodiscard]] int try_each(const Context& context, std::size_t count,
                           const std::function<void(std::size_t)>& step);

}  // namespace cosmos
