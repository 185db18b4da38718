// SPDX-License-Identifier: BSD-3-Clause
// Where the parts of a paravirtualised guest's memory lie when it starts, and the page tables it
// starts on (xen/xen.h, "Start-of-day memory layout"). Pure arithmetic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernel/image.hpp"

namespace xcl::kernel {

// Guest page frames (pfn) from `first` on.
struct PageRange {
    std::uint64_t first = 0;
    std::uint64_t count = 0;  // 0: this part does not exist

    [[nodiscard]] std::uint64_t end() const noexcept { return first + count; }
};

// The parts follow each other in this order without gaps; pages below the kernel and above the
// stack belong to nobody. The virtual address of a page frame is virt_base + pfn * 4096.
struct BootLayout {
    PageRange kernel;
    PageRange ramdisk;
    PageRange p2m;         // 8 bytes for each page of the guest: its machine frame
    PageRange start_info;  // 1 page
    PageRange xenstore;    // 1 page
    PageRange console;     // 1 page, or none
    PageRange page_tables;
    PageRange stack;  // 1 page

    std::uint64_t total_pages = 0;   // the guest's memory
    std::uint64_t mapped_pages = 0;  // from page frame 0 on, what the page tables map
    std::uint64_t virt_base = 0;
    std::uint64_t entry = 0;

    // How `page_tables` is divided: 1 L4 table, then these.
    std::uint64_t l3_tables = 0;
    std::uint64_t l2_tables = 0;
    std::uint64_t l1_tables = 0;

    [[nodiscard]] std::uint64_t address_of(std::uint64_t pfn) const noexcept {
        return virt_base + pfn * page_size;
    }

    // The first vCPU's registers. CR3 holds the machine frame of page frame cr3_pfn().
    [[nodiscard]] std::uint64_t rip() const noexcept { return entry; }
    [[nodiscard]] std::uint64_t rsp() const noexcept { return address_of(stack.end()); }
    [[nodiscard]] std::uint64_t rsi() const noexcept { return address_of(start_info.first); }
    [[nodiscard]] std::uint64_t cr3_pfn() const noexcept { return page_tables.first; }
};

// Lays out a guest of `memory_pages` pages. `ramdisk_bytes` 0: no ramdisk. Throws Error when the
// memory is too small, saying what would do, or when the guest cannot be mapped at its virt_base.
[[nodiscard]] BootLayout plan_layout(const KernelImage& kernel, std::uint64_t memory_pages,
                                     std::size_t ramdisk_bytes, bool console);

// Writes all bootstrap page tables. `p2m` holds the machine frames of at least the mapped pages;
// `tables` is layout.page_tables, page after page, and is overwritten whole. Throws
// std::invalid_argument when one of them is too short.
void fill_page_tables(const BootLayout& layout, std::span<const std::uint64_t> p2m,
                      std::span<std::byte> tables);

}  // namespace xcl::kernel
