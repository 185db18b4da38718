// SPDX-License-Identifier: BSD-3-Clause
// ARP (RFC 826): tells who asks which station has our IPv4 address.
#pragma once

#include "ethernet.hpp"

namespace guest {

// Makes the reply to a request in its place. Returns its bytes, 0 for none.
[[nodiscard]] std::size_t answer_arp(const Station& self, Bytes packet);

// Writes a request for our own address: whoever hears it learns it, nobody answers.
void announce_arp(const Station& self, Bytes packet);

}  // namespace guest
