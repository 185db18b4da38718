// SPDX-License-Identifier: BSD-3-Clause
// Memory: machine frames to addresses, and the unused pages behind what the builder laid out.
#include "memory.hpp"

#include "hypercall.hpp"

extern "C" const char virt_base[];  // guest.ld: the address of page frame 0

namespace guest {

namespace {
// Page-table entry: present, writable, user (a PV kernel runs in ring 3), accessed, dirty.
constexpr std::uint64_t page_flags = 0x67;

void* pointer_to(std::uint64_t address) {
    return reinterpret_cast<void*>(address);  // NOLINT(performance-no-int-to-ptr)
}

}  // namespace

void* Memory::map_machine(std::uint64_t machine_address) {
    const std::uint64_t page = unused_;
    if (hypercall<__HYPERVISOR_update_va_mapping>(page, machine_address | page_flags,
                                                  UVMF_INVLPG) != 0)
        __builtin_trap();
    unused_ += page_bytes;
    return pointer_to(page);
}

void* Memory::address_of_frame(xen_pfn_t machine_frame) {
    const std::uint64_t frame = machine_to_phys_mapping[machine_frame];
    return pointer_to(address_of(virt_base) + frame * page_bytes);
}

}  // namespace guest
