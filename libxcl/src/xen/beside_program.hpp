// SPDX-License-Identifier: BSD-3-Clause
// beside_program: where mappings cost least.
#pragma once

#include <cstddef>
#include <cstdint>

namespace xcl::xen {

extern "C" char _end[];  // NOLINT(bugprone-reserved-identifier,readability-identifier-naming): ld's

// A hint for mmap, behind the program's own data. The page tables for it are there already; where
// the kernel puts mappings by itself there are none yet in a small process, and in a
// paravirtualised control domain each table costs several hypercalls to make and to end.
inline void* beside_program(std::size_t pages) {
    constexpr std::uintptr_t page = 4096;
    constexpr std::uintptr_t distance = 16;  // for the heap, where its start is not random
    return reinterpret_cast<void*>(
        (reinterpret_cast<std::uintptr_t>(_end) + (distance + pages) * page) & -page);
}

}  // namespace xcl::xen
