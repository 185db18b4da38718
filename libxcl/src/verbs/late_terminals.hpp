// SPDX-License-Identifier: BSD-3-Clause
// What xenconsoled may still write of a guest that is destroyed within a millisecond or so of its
// introduction: its terminal's name, which would come back alone.
#pragma once

#include <span>

#include "ports/hypervisor.hpp"
#include "ports/store.hpp"

namespace xcl::verbs {

// To be asked before the guest's record is removed: the directory holds "port" if there is a
// console, and "tty" once xenconsoled offers it.
[[nodiscard]] StoreRequest look_at_console(DomainId id);
[[nodiscard]] bool terminal_may_follow(const StoreReply& console);

// Once the domains are destroyed: removes what followed.
void sweep_late_terminals(Hypervisor& hypervisor, Store& store, std::span<const DomainInfo> guests);

}  // namespace xcl::verbs
