// SPDX-License-Identifier: BSD-3-Clause
// Hypercalls: calls into the page that the hypervisor fills with one stub for each number.
#pragma once

#include "xen.hpp"

namespace guest {

// Returns what Xen returns: negative is an error of xen/errno.h.
template <unsigned Number>
inline long hypercall(std::uint64_t first, std::uint64_t second = 0, std::uint64_t third = 0) {
    long result;
    // 32 bytes a stub; arguments may come back changed.
    asm volatile("call hypercall_page + %c[stub]"
                 : "=a"(result), "+D"(first), "+S"(second), "+d"(third)
                 : [stub] "i"(Number * 32)
                 : "rcx", "r8", "r9", "r10", "r11", "cc", "memory");
    return result;
}

[[nodiscard]] inline std::uint64_t address_of(const void* object) {
    return reinterpret_cast<std::uint64_t>(object);
}

template <typename Argument>
inline long sched_op(unsigned command, Argument& argument) {
    return hypercall<__HYPERVISOR_sched_op>(command, address_of(&argument));
}

template <typename Argument>
inline long event_channel_op(unsigned command, Argument& argument) {
    return hypercall<__HYPERVISOR_event_channel_op>(command, address_of(&argument));
}

template <typename Argument>
inline long grant_table_op(unsigned command, Argument& argument) {
    return hypercall<__HYPERVISOR_grant_table_op>(command, address_of(&argument), 1);
}

}  // namespace guest
