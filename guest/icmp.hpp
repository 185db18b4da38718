// SPDX-License-Identifier: BSD-3-Clause
// ICMP (RFC 792): echo.
#pragma once

#include "bytes.hpp"

namespace guest {

// Makes the reply to an echo request in its place. Returns its bytes, 0 for none.
[[nodiscard]] std::size_t answer_icmp(Bytes message);

}  // namespace guest
