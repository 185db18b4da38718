// SPDX-License-Identifier: BSD-3-Clause
// What a kernel tells Xen's loaders about itself: ELF notes, or the older __xen_guest string.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "kernel/elf.hpp"

namespace xcl::kernel {

// Addresses as Xen means them, defaults filled in (xen/elfnote.h).
struct XenNotes {
    std::uint64_t virt_base = 0;
    std::uint64_t paddr_offset = 0;  // p_paddr - paddr_offset is the pseudo-physical address
    std::uint64_t entry = 0;
    std::optional<std::uint64_t> hypercall_page;
    std::string os;
};

// Takes the first of these that holds any note of Xen's: PT_NOTE segments, SHT_NOTE sections, the
// section __xen_guest. Refuses a kernel without them, and one that says it cannot run as a
// paravirtualised guest.
[[nodiscard]] XenNotes read_notes(const ElfFile& elf, const Origin& origin);

}  // namespace xcl::kernel
