// SPDX-License-Identifier: BSD-3-Clause
// Traps: every fault is the end of the domain, with the registers as its last words.
#pragma once

#include "console.hpp"

namespace guest {

// What vectors.S leaves on the stack, lowest address first.
struct TrapFrame {
    std::uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    std::uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
    std::uint64_t vector, error;
    std::uint64_t rip, cs, rflags, rsp, ss;
};

// Sets the fault vectors and Xen's callbacks. `console` and `vcpu` are used from then on.
void install_traps(Console& console, const vcpu_info& vcpu);

}  // namespace guest
