// SPDX-License-Identifier: BSD-3-Clause
// Memory: machine frames to addresses, and the unused pages behind what the builder laid out.
#include "memory.hpp"

#include <algorithm>

#include "hypercall.hpp"

extern "C" const char virt_base[];  // guest.ld: the address of page frame 0

namespace guest {

namespace {
// Page-table entry: present, writable, user (a PV kernel runs in ring 3), accessed, dirty.
constexpr std::uint64_t page_flags = 0x67;

// What a builder must map behind its stack, and then to the next multiple of 4 MiB, as far as the
// guest has memory (xen.h, "Start-of-day memory layout").
constexpr std::uint64_t padding_bytes = 512 << 10;
constexpr std::uint64_t alignment_bytes = 4 << 20;
constexpr std::uint64_t stack_bytes = 16384;  // which start.S took of it

void set_mapping(const void* page, std::uint64_t entry) {
    if (hypercall<__HYPERVISOR_update_va_mapping>(address_of(page), entry, UVMF_INVLPG) != 0)
        __builtin_trap();
}

void* pointer_to(std::uint64_t address) {
    return reinterpret_cast<void*>(address);  // NOLINT(performance-no-int-to-ptr)
}

}  // namespace

Memory::Memory(const start_info& boot, std::uint64_t unused)
    : frames_(reinterpret_cast<xen_pfn_t*>(  // NOLINT(performance-no-int-to-ptr)
                  boot.mfn_list),
              boot.nr_pages),
      unused_(unused) {
    const std::uint64_t builder_end = unused - stack_bytes;
    const std::uint64_t mapped_end =
        (builder_end + padding_bytes + alignment_bytes - 1) / alignment_bytes * alignment_bytes;
    end_ =
        std::max(unused, std::min(mapped_end, address_of(virt_base) + boot.nr_pages * page_bytes));
}

void* Memory::take_pages(std::size_t count) {
    if (count * page_bytes > end_ - unused_)
        return nullptr;
    void* const first = pointer_to(unused_);
    unused_ += count * page_bytes;
    return first;
}

bool Memory::give_back(std::size_t count) {
    const std::size_t mapped = (end_ - address_of(virt_base)) / page_bytes;
    void* const left = take_pages(1);
    if (left == nullptr || count == 0 || count > frames_.size() - mapped)
        return false;
    const std::span<xen_pfn_t> last = frames_.last(count);
    xen_memory_reservation given{};
    set_xen_guest_handle(given.extent_start, last.data());
    given.nr_extents = count;
    given.domid = DOMID_SELF;
    const auto taken =
        hypercall<__HYPERVISOR_memory_op>(XENMEM_decrease_reservation, address_of(&given));
    std::fill_n(last.begin(), taken, machine_frame(left));
    return static_cast<std::size_t>(taken) == count;
}

void* Memory::map_machine(std::uint64_t machine_address) {
    void* const page = take_pages(1);
    if (page == nullptr)
        __builtin_trap();
    map_machine_at(page, machine_address);
    return page;
}

void Memory::map_machine_at(void* page, std::uint64_t machine_address) {
    set_mapping(page, machine_address | page_flags);
}

void Memory::unmap_machine(void* page) {
    set_mapping(page, 0);
}

xen_pfn_t Memory::machine_frame(const void* page) const {
    return frames_[(address_of(page) - address_of(virt_base)) / page_bytes];
}

xen_pfn_t Memory::page_frame(xen_pfn_t machine_frame) {
    return machine_to_phys_mapping[machine_frame];
}

void* Memory::address_of_frame(xen_pfn_t machine_frame) {
    return pointer_to(address_of(virt_base) + page_frame(machine_frame) * page_bytes);
}

}  // namespace guest
