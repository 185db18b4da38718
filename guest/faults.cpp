// SPDX-License-Identifier: BSD-3-Clause
// Faults on request, to see how a crashed guest looks from outside.
#include "faults.hpp"

#include <cstdint>

namespace guest {

namespace {

std::uint64_t read_from(std::uint64_t address) {
    std::uint64_t value = 0;
    asm volatile("movq (%1), %0" : "=r"(value) : "r"(address));
    return value;
}

void divide_by_zero() {
    std::uint32_t quotient = 1;
    std::uint32_t remainder = 0;
    asm volatile("divl %2" : "+a"(quotient), "+d"(remainder) : "r"(0) : "cc");
}

// Runs through the stack into the page tables below it, which are mapped read-only.
void exhaust_stack() {
    asm volatile("1: pushq $0; jmp 1b");
}

}  // namespace

void raise_fault(std::string_view name) {
    if (name == "ud") {
        __builtin_trap();
    } else if (name == "gp") {
        read_from(std::uint64_t{1} << 63);  // not canonical
    } else if (name == "pf") {
        read_from(0xdead0);  // below virt_base, so not mapped
    } else if (name == "divide") {
        divide_by_zero();
    } else if (name == "stack") {
        exhaust_stack();
    }
}

}  // namespace guest
