// SPDX-License-Identifier: BSD-3-Clause
// The marks that make a bridge a switch of this host: alternative names with consecutive numbers.
// So the set is the kernel's, survives nothing that its bridges do not, and costs one look-up a
// switch to read, however many interfaces there are.
#pragma once

#include <optional>
#include <vector>

#include "net/netlink.hpp"
#include "xcl/network.hpp"

namespace xcl::net {

[[nodiscard]] std::vector<Switch> marked_switches(Netlink& netlink);

// Gives the bridge the first number that is free, and returns it. Throws Error.
unsigned mark_switch(Netlink& netlink, unsigned bridge_index);

// Takes the mark off, and gives its number to the last of the others. Throws Error.
void unmark_switch(Netlink& netlink, const Switch& marked);

// The first IPv4 address of an interface.
[[nodiscard]] std::optional<Ipv4Interface> first_address(Netlink& netlink, unsigned index);

}  // namespace xcl::net
