// SPDX-License-Identifier: BSD-3-Clause
// beside_program: where mappings cost least.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/image.hpp"

namespace xcl::xen {

extern "C" char _end[];  // NOLINT(bugprone-reserved-identifier,readability-identifier-naming): ld's

// What lies where there, in pages.
inline constexpr std::size_t call_place = 0;
inline constexpr std::size_t payload_place = 1;
inline constexpr std::size_t mappings_place = 16;

// A hint for mmap, behind the program's own data: page tables for it are there already. Where the
// kernel puts mappings by itself a small program has none yet, and in a paravirtualised control
// domain each table costs several hypercalls to make and to end.
inline void* beside_program(std::size_t place) {
    constexpr std::size_t heap = 16;  // where its start is not random, it has room to begin
    char* const there = _end + (heap + place) * kernel::page_size;
    return there - reinterpret_cast<std::uintptr_t>(there) % kernel::page_size;
}

}  // namespace xcl::xen
