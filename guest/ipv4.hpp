// SPDX-License-Identifier: BSD-3-Clause
// IPv4 (RFC 791), as a host that answers: whole packets to its own address, and nothing else.
#pragma once

#include "ethernet.hpp"

namespace guest {

// Makes the answer to a packet in its place; behind the packet there may be padding. Returns the
// bytes of the answer, 0 for none.
[[nodiscard]] std::size_t answer_ipv4(const Station& self, Bytes packet);

}  // namespace guest
