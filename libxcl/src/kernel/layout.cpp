// SPDX-License-Identifier: BSD-3-Clause
// Places the parts of a guest's memory and draws the page tables that map them.
#include "kernel/layout.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "xcl/error.hpp"

namespace xcl::kernel {
namespace {

constexpr std::uint64_t pages_per_mib = (std::uint64_t{1} << 20) / page_size;
// xen/xen.h, start-of-day rules 2 and 7.
constexpr std::uint64_t least_padding = std::uint64_t{512} << 10;
constexpr std::uint64_t end_alignment = std::uint64_t{4} << 20;

// The lower half of the address space ends here; the upper half begins with Xen's own area, which
// ends at HYPERVISOR_VIRT_END (xen/arch-x86/xen-x86_64.h).
constexpr std::uint64_t lower_half_end = 0x0000'8000'0000'0000;
constexpr std::uint64_t hypervisor_end = 0xffff'8800'0000'0000;

// More pages than physical addresses (52 bits) have; keeps the sums below from overflowing.
constexpr std::uint64_t max_memory_pages = std::uint64_t{1} << 40;

// Page-table entries, as the processor defines them.
constexpr std::uint64_t entry_present = 1U << 0;
constexpr std::uint64_t entry_writable = 1U << 1;
constexpr std::uint64_t entry_user = 1U << 2;  // a PV kernel runs in user mode
constexpr std::uint64_t entry_accessed = 1U << 5;
constexpr std::uint64_t entry_dirty = 1U << 6;
constexpr std::uint64_t read_only_flags = entry_present | entry_user | entry_accessed;
constexpr std::uint64_t page_flags = read_only_flags | entry_writable;
constexpr std::uint64_t table_flags = page_flags | entry_dirty;

constexpr std::uint64_t entries_per_table = 512;
constexpr unsigned l1_shift = 12;  // an L1 entry maps 2^12 bytes
constexpr unsigned l2_shift = 21;
constexpr unsigned l3_shift = 30;
constexpr unsigned l4_shift = 39;

[[noreturn]] void refuse(std::string problem, std::string hint) {
    Failure failure;
    failure.doing = "lay out the guest's memory";
    failure.problem = std::move(problem);
    failure.hint = std::move(hint);
    throw Error(std::move(failure));
}

constexpr std::uint64_t pages_of(std::uint64_t bytes) {
    return (bytes + page_size - 1) / page_size;
}

std::string in_mib(std::uint64_t pages) {
    if (pages % pages_per_mib == 0)
        return fmt::format("{} MiB", pages / pages_per_mib);
    return fmt::format("{} KiB", pages * (page_size >> 10));
}

// How many pages from virt_base on lie in the same usable part of the address space. The very last
// page is left out: the address after it does not exist.
std::uint64_t mappable_pages(std::uint64_t virt_base) {
    if (virt_base < lower_half_end)
        return (lower_half_end - virt_base) / page_size;
    if (virt_base >= hypervisor_end)
        return (~std::uint64_t{0} - virt_base) / page_size;
    refuse(fmt::format("the kernel's virt_base 0x{:x} lies in the hypervisor's part of the address "
                       "space",
                       virt_base),
           "link the kernel to another address");
}

// The tables of one level that `pages` pages from virt_base on need, when each maps 2^shift bytes.
std::uint64_t tables_needed(std::uint64_t virt_base, std::uint64_t pages, unsigned shift) {
    const std::uint64_t last = virt_base + pages * page_size - 1;
    return (last >> shift) - (virt_base >> shift) + 1;
}

// What does not depend on how much memory there is.
struct Demand {
    const KernelImage& kernel;
    std::uint64_t ramdisk_pages;
    std::uint64_t console_pages;
    std::uint64_t mappable_pages;
};

// The padded and rounded end of what the page tables map, as far as there is memory to map and
// address space to map it to. Too little for `used_pages` when the layout does not fit.
std::uint64_t pages_to_map(const Demand& demand, std::uint64_t used_pages,
                           std::uint64_t total_pages) {
    constexpr std::uint64_t alignment = end_alignment / page_size;
    const std::uint64_t first_page = demand.kernel.virt_base / page_size;
    const std::uint64_t padded_end = first_page + used_pages + least_padding / page_size;
    const std::uint64_t end = (padded_end + alignment - 1) / alignment * alignment;
    const std::uint64_t most = std::min(total_pages, demand.mappable_pages);
    return std::clamp<std::uint64_t>(end - first_page, 1, std::max<std::uint64_t>(most, 1));
}

// Sets the numbers of tables for the current size; returns whether they have changed.
bool resize_tables(BootLayout& layout) {
    layout.l1_tables = tables_needed(layout.virt_base, layout.mapped_pages, l2_shift);
    layout.l2_tables = tables_needed(layout.virt_base, layout.mapped_pages, l3_shift);
    layout.l3_tables = tables_needed(layout.virt_base, layout.mapped_pages, l4_shift);
    const std::uint64_t tables = 1 + layout.l3_tables + layout.l2_tables + layout.l1_tables;
    return tables != std::exchange(layout.page_tables.count, tables);
}

// Lays out a guest without asking whether it fits.
BootLayout place(const Demand& demand, std::uint64_t total_pages) {
    const KernelImage& kernel = demand.kernel;
    BootLayout layout;
    layout.total_pages = total_pages;
    layout.virt_base = kernel.virt_base;
    layout.entry = kernel.entry;

    layout.kernel = {(kernel.start - kernel.virt_base) / page_size,
                     (kernel.end - kernel.start) / page_size};
    layout.ramdisk = {layout.kernel.end(), demand.ramdisk_pages};
    layout.p2m = {layout.ramdisk.end(), pages_of(total_pages * sizeof(std::uint64_t))};
    layout.start_info = {layout.p2m.end(), 1};
    layout.xenstore = {layout.start_info.end(), 1};
    layout.console = {layout.xenstore.end(), demand.console_pages};
    layout.page_tables = {layout.console.end(), 1};
    // The tables map themselves: more tables may need yet more. Numbers only grow, so this ends.
    do {
        layout.stack = {layout.page_tables.end(), 1};
        layout.mapped_pages = pages_to_map(demand, layout.stack.end(), total_pages);
    } while (resize_tables(layout));
    return layout;
}

bool fits_memory(const BootLayout& layout) {
    return layout.stack.end() <= layout.total_pages;
}

// More memory needs a longer p2m list, so the least memory is found by trying.
std::uint64_t least_memory_mib(const Demand& demand, const BootLayout& too_small) {
    std::uint64_t mib = too_small.stack.end() / pages_per_mib;
    while (!fits_memory(place(demand, mib * pages_per_mib)))
        ++mib;
    return mib;
}

using Entry = std::uint64_t;

void store_entry(std::byte* table, std::uint64_t index, Entry entry) {
    std::memcpy(table + index * sizeof entry, &entry, sizeof entry);
}

// Fills `count` entries from number `first` on. The tables of a level lie side by side, so the
// level is one long table.
void store_entries(std::byte* level, std::uint64_t first, const std::uint64_t* frames,
                   std::uint64_t count, std::uint64_t flags) {
    std::byte* const entries = level + first * sizeof(Entry);
    for (std::uint64_t i = 0; i < count; ++i)
        store_entry(entries, i, frames[i] << l1_shift | flags);
}

constexpr std::uint64_t index_in_table(std::uint64_t address, unsigned shift) {
    return (address >> shift) % entries_per_table;
}

}  // namespace

BootLayout plan_layout(const KernelImage& kernel, std::uint64_t memory_pages,
                       std::size_t ramdisk_bytes, bool console) {
    if (memory_pages > max_memory_pages) {
        refuse(fmt::format("{} MiB are more than any machine has", memory_pages / pages_per_mib),
               "set a smaller memory= in the guest config");
    }
    if (ramdisk_bytes > max_image_bytes) {
        refuse(fmt::format("a ramdisk of {} MiB is too large", ramdisk_bytes >> 20),
               "give a smaller ramdisk");
    }

    const Demand demand{kernel, pages_of(ramdisk_bytes), console ? 1U : 0U,
                        mappable_pages(kernel.virt_base)};
    BootLayout layout = place(demand, memory_pages);
    if (layout.stack.end() > demand.mappable_pages) {
        refuse(fmt::format("kernel, ramdisk and the list of the guest's pages need {} from "
                           "virt_base 0x{:x} on, where the address space ends after {}",
                           in_mib(layout.stack.end()), kernel.virt_base,
                           in_mib(demand.mappable_pages)),
               "give it less memory or a smaller ramdisk");
    }
    if (!fits_memory(layout)) {
        const std::uint64_t least = least_memory_mib(demand, layout);
        refuse(fmt::format("it needs at least {} MiB of memory, the config gives {}", least,
                           memory_pages % pages_per_mib == 0
                               ? fmt::to_string(memory_pages / pages_per_mib)
                               : in_mib(memory_pages)),
               fmt::format("set memory={} or more in the guest config", least));
    }
    return layout;
}

void fill_page_tables(const BootLayout& layout, std::span<const std::uint64_t> p2m,
                      std::span<std::byte> tables) {
    if (p2m.size() < layout.mapped_pages || tables.size() != layout.page_tables.count * page_size)
        throw std::invalid_argument("fill_page_tables: p2m or tables do not match the layout");

    std::memset(tables.data(), 0, tables.size());
    const std::uint64_t base = layout.virt_base;
    std::byte* const l4 = tables.data();
    std::byte* const l3 = l4 + page_size;
    std::byte* const l2 = l3 + layout.l3_tables * page_size;
    std::byte* const l1 = l2 + layout.l2_tables * page_size;

    const std::uint64_t* const l3_frames = p2m.data() + layout.page_tables.first + 1;
    const std::uint64_t* const l2_frames = l3_frames + layout.l3_tables;
    const std::uint64_t* const l1_frames = l2_frames + layout.l2_tables;
    store_entries(l4, index_in_table(base, l4_shift), l3_frames, layout.l3_tables, table_flags);
    store_entries(l3, index_in_table(base, l3_shift), l2_frames, layout.l2_tables, table_flags);
    store_entries(l2, index_in_table(base, l2_shift), l1_frames, layout.l1_tables, table_flags);

    const std::uint64_t first = index_in_table(base, l1_shift);
    store_entries(l1, first, p2m.data(), layout.mapped_pages, page_flags);
    // Xen accepts a page as a page table only while nothing maps it writable.
    store_entries(l1, first + layout.page_tables.first, p2m.data() + layout.page_tables.first,
                  layout.page_tables.count, read_only_flags);
}

}  // namespace xcl::kernel
