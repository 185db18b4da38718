// SPDX-License-Identifier: BSD-3-Clause
// The boot memory layout, checked by walking its page tables as a processor would.
#include "kernel/layout.hpp"

#include <array>
#include <cstring>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "xcl/error.hpp"

namespace xcl::kernel {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t mib_pages = 256;
constexpr std::uint64_t present_user_accessed = 0x25;
constexpr std::uint64_t writable = 0x2;
constexpr std::uint64_t dirty = 0x40;

// A kernel of `pages` pages that begins `hole` pages above virt_base.
KernelImage make_kernel(std::uint64_t virt_base, std::uint64_t hole, std::uint64_t pages) {
    KernelImage kernel;
    kernel.virt_base = virt_base;
    kernel.start = virt_base + hole * page_size;
    kernel.end = kernel.start + pages * page_size;
    kernel.entry = kernel.start + 0x10;
    kernel.segments.push_back({kernel.start, {}, pages * page_size});
    return kernel;
}

// Different machine frames in no order.
std::vector<std::uint64_t> make_p2m(std::uint64_t pages) {
    std::vector<std::uint64_t> p2m(pages);
    for (std::uint64_t pfn = 0; pfn < pages; ++pfn)
        p2m[pfn] = 0x100000 + ((pfn * 0x9e3779b1) & 0xffffffff);
    return p2m;
}

struct Translation {
    std::uint64_t mfn;
    bool may_write;
};

// Walks page tables from CR3 as the processor does, seeing nothing but machine frames.
class SoftwareMmu {
  public:
    SoftwareMmu(const BootLayout& layout, const std::vector<std::uint64_t>& p2m)
        : tables_(layout.page_tables.count * page_size, std::byte{0xee}),
          cr3_(p2m[layout.cr3_pfn()]) {
        fill_page_tables(layout, p2m, tables_);
        for (std::uint64_t page = 0; page < layout.page_tables.count; ++page)
            table_of_mfn_[p2m[layout.page_tables.first + page]] = page;
    }

    [[nodiscard]] std::optional<Translation> translate(std::uint64_t address) const {
        std::uint64_t mfn = cr3_;
        for (const unsigned shift : {39U, 30U, 21U, 12U}) {
            const auto table = table_of_mfn_.find(mfn);
            if (table == table_of_mfn_.end())
                throw std::logic_error("an entry leads to a page that is no page table");
            const std::uint64_t entry = entry_at(table->second * 512 + (address >> shift) % 512);
            if (entry == 0)
                return std::nullopt;
            const std::uint64_t flags = entry % page_size;
            mfn = entry >> 12;
            if (shift == 12) {
                EXPECT_EQ(flags | writable, present_user_accessed | writable);
                return Translation{mfn, (flags & writable) != 0};
            }
            EXPECT_EQ(flags, present_user_accessed | writable | dirty);
        }
        return std::nullopt;
    }

    [[nodiscard]] std::uint64_t entries_in_use() const {
        std::uint64_t count = 0;
        for (std::uint64_t index = 0; index < tables_.size() / 8; ++index)
            count += entry_at(index) != 0 ? 1 : 0;
        return count;
    }

  private:
    [[nodiscard]] std::uint64_t entry_at(std::uint64_t index) const {
        std::uint64_t entry = 0;
        std::memcpy(&entry, tables_.data() + index * sizeof entry, sizeof entry);
        return entry;
    }

    std::vector<std::byte> tables_;
    std::uint64_t cr3_;
    std::unordered_map<std::uint64_t, std::uint64_t> table_of_mfn_;
};

void expect_parts_in_order(const BootLayout& layout, const KernelImage& kernel) {
    EXPECT_EQ(layout.address_of(layout.kernel.first), kernel.start);
    EXPECT_EQ(layout.address_of(layout.kernel.end()), kernel.end);
    std::uint64_t next = layout.kernel.first;
    for (const PageRange& part :
         {layout.kernel, layout.ramdisk, layout.p2m, layout.start_info, layout.xenstore,
          layout.console, layout.page_tables, layout.stack}) {
        EXPECT_EQ(part.first, next);
        next = part.end();
    }
    EXPECT_EQ(layout.start_info.count, 1U);
    EXPECT_EQ(layout.xenstore.count, 1U);
    EXPECT_EQ(layout.stack.count, 1U);
    EXPECT_GE(layout.p2m.count * page_size, layout.total_pages * 8);
    EXPECT_LT((layout.p2m.count - 1) * page_size, layout.total_pages * 8);
    EXPECT_LE(layout.stack.end(), layout.mapped_pages);
    EXPECT_LE(layout.mapped_pages, layout.total_pages);
}

void expect_padded_unless_memory_ends(const BootLayout& layout) {
    const std::uint64_t end = layout.address_of(layout.mapped_pages);
    if (layout.mapped_pages == layout.total_pages)
        return;
    EXPECT_EQ(end % (4U << 20), 0U);
    EXPECT_GE(layout.mapped_pages - layout.stack.end(), 128U);
    EXPECT_LT(layout.mapped_pages - layout.stack.end(), 128U + 1024U + 1024U);
}

void expect_registers_point_into_place(const BootLayout& layout, const KernelImage& kernel) {
    EXPECT_EQ(layout.rip(), kernel.entry);
    EXPECT_EQ(layout.rsp(), layout.address_of(layout.stack.first) + page_size);
    EXPECT_EQ(layout.rsi(), layout.address_of(layout.start_info.first));
    EXPECT_EQ(layout.cr3_pfn(), layout.page_tables.first);
}

void expect_maps_exactly(const BootLayout& layout, const std::vector<std::uint64_t>& p2m) {
    const SoftwareMmu mmu(layout, p2m);
    for (std::uint64_t pfn = 0; pfn < layout.mapped_pages; ++pfn) {
        const auto found = mmu.translate(layout.address_of(pfn));
        ASSERT_TRUE(found.has_value()) << "page frame " << pfn;
        ASSERT_EQ(found->mfn, p2m[pfn]) << "page frame " << pfn;
        const bool is_table = pfn >= layout.page_tables.first && pfn < layout.page_tables.end();
        ASSERT_EQ(found->may_write, !is_table) << "page frame " << pfn;
    }
    // Every entry in use is one of those just walked, so nothing else is mapped.
    EXPECT_EQ(mmu.entries_in_use(), layout.mapped_pages + layout.page_tables.count - 1);
    EXPECT_EQ(layout.page_tables.count, 1 + layout.l3_tables + layout.l2_tables + layout.l1_tables);
}

struct Shape {
    std::uint64_t virt_base;
    std::uint64_t hole_pages;
    std::uint64_t kernel_pages;
    std::size_t ramdisk_bytes;
};

class LayoutOf : public ::testing::TestWithParam<Shape> {};

TEST_P(LayoutOf, EverySizeIsMappedPageForPage) {
    const Shape& shape = GetParam();
    const KernelImage kernel = make_kernel(shape.virt_base, shape.hole_pages, shape.kernel_pages);
    int laid_out = 0;
    for (const std::uint64_t memory :
         {1 * mib_pages, 2 * mib_pages, 3 * mib_pages, 4 * mib_pages, 5 * mib_pages, 8 * mib_pages,
          31 * mib_pages + 17, 32 * mib_pages, 255 * mib_pages, 1024 * mib_pages,
          4096 * mib_pages}) {
        for (const bool console : {false, true}) {
            SCOPED_TRACE(testing::Message() << memory << " pages, console " << console);
            BootLayout layout;
            try {
                layout = plan_layout(kernel, memory, shape.ramdisk_bytes, console);
            } catch (const Error& error) {
                EXPECT_THAT(error.what(), HasSubstr("it needs at least"));
                EXPECT_LT(memory, shape.hole_pages + shape.kernel_pages +
                                      shape.ramdisk_bytes / page_size + 2 * mib_pages);
                continue;
            }
            ++laid_out;
            EXPECT_EQ(layout.total_pages, memory);
            EXPECT_EQ(layout.ramdisk.count, (shape.ramdisk_bytes + 4095) / 4096);
            EXPECT_EQ(layout.console.count, console ? 1U : 0U);
            expect_parts_in_order(layout, kernel);
            expect_padded_unless_memory_ends(layout);
            expect_registers_point_into_place(layout, kernel);
            expect_maps_exactly(layout, make_p2m(memory));
        }
    }
    EXPECT_GE(laid_out, 6);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, LayoutOf,
    ::testing::Values(Shape{0, 0, 10, 0}, Shape{0, 0, 64, 1}, Shape{0x1000, 3, 100, 4096},
                      Shape{0x100000, 1, 1, 4097}, Shape{0x1ff000, 0, 512, 0},
                      Shape{0x3ffff000, 0, 600, 3 << 20},           // across an L3 entry
                      Shape{0x7ffffff000, 0, 20, 0},                // across an L4 entry
                      Shape{0x7fffbff000, 5, 900, 1000},            // tables across it
                      Shape{0xffff880000000000, 0, 33, 0},          // right above Xen
                      Shape{0xffffffff80000000, 4096, 700, 12345},  // as Linux
                      Shape{0xffffffff80012000, 0, 7, 0}));

TEST(Layout, TinyGuestFitsInOneMebibyte) {
    const KernelImage kernel = make_kernel(0, 0, 10);
    const BootLayout layout = plan_layout(kernel, mib_pages, 0, true);
    // 10 of the kernel, p2m, start_info, XenStore, console, 4 tables, stack
    EXPECT_EQ(layout.stack.end(), 19U);
    EXPECT_EQ(layout.page_tables.first, 14U);
    EXPECT_EQ(layout.page_tables.count, 4U);
    EXPECT_EQ(layout.mapped_pages, mib_pages);
}

TEST(Layout, EndOfTheMappingIsRoundedUpToFourMebibytes) {
    const KernelImage kernel = make_kernel(0x100000, 0, 10);
    const BootLayout layout = plan_layout(kernel, 64 * mib_pages, 0, true);
    EXPECT_EQ(layout.address_of(layout.mapped_pages), 4U << 20);
    EXPECT_EQ(layout.l1_tables, 2U);
}

TEST(Layout, PaddingOfLessThanHalfAMebibyteAddsFourMebibytes) {
    // 41 pages follow the kernel while two L1 tables map everything, 43 with four.
    const BootLayout enough = plan_layout(make_kernel(0, 0, 855), 64 * mib_pages, 0, true);
    EXPECT_EQ(enough.stack.end(), 1024U - 128U);
    EXPECT_EQ(enough.mapped_pages, 1024U);
    const BootLayout short_of = plan_layout(make_kernel(0, 0, 856), 64 * mib_pages, 0, true);
    EXPECT_EQ(short_of.stack.end(), 899U);
    EXPECT_EQ(short_of.mapped_pages, 2048U);
}

TEST(Layout, TablesAreCountedUntilTheyMapThemselves) {
    // As random as a kernel can be: the numbers of tables are always the least that map it all.
    std::mt19937_64 random(20);
    for (int round = 0; round < 2000; ++round) {
        const std::uint64_t virt_base = (random() % (1U << 20)) * page_size;
        const KernelImage kernel = make_kernel(virt_base, random() % 100, 1 + random() % 200000);
        const std::uint64_t memory = mib_pages * 1600 + random() % 100000;
        const BootLayout layout = plan_layout(kernel, memory, random() % 1000000, true);
        expect_parts_in_order(layout, kernel);
        expect_padded_unless_memory_ends(layout);
        const std::uint64_t last = layout.address_of(layout.mapped_pages) - 1;
        EXPECT_EQ(layout.l1_tables, (last >> 21) - (virt_base >> 21) + 1);
        EXPECT_EQ(layout.l2_tables, (last >> 30) - (virt_base >> 30) + 1);
        EXPECT_EQ(layout.l3_tables, (last >> 39) - (virt_base >> 39) + 1);
    }
}

std::string refusal_of(const KernelImage& kernel, std::uint64_t pages, std::size_t ramdisk) {
    try {
        static_cast<void>(plan_layout(kernel, pages, ramdisk, true));
    } catch (const Error& error) {
        return error.what();
    }
    return "accepted";
}

TEST(Layout, TooLittleMemoryIsRefusedWithTheLeastThatWouldDo) {
    const KernelImage kernel = make_kernel(0, 0, 250);
    EXPECT_EQ(refusal_of(kernel, mib_pages, 0),
              "cannot lay out the guest's memory: it needs at least 2 MiB of memory, the config "
              "gives 1");
    EXPECT_EQ(refusal_of(kernel, 2 * mib_pages, 0), "accepted");
    EXPECT_EQ(refusal_of(kernel, 0, 0),
              "cannot lay out the guest's memory: it needs at least 2 MiB of memory, the config "
              "gives 0");
    EXPECT_EQ(refusal_of(kernel, 100, 0),
              "cannot lay out the guest's memory: it needs at least 2 MiB of memory, the config "
              "gives 400 KiB");
}

TEST(Layout, TheLeastMemoryNamedIsTheLeast) {
    for (const std::uint64_t kernel_pages : {1U, 240U, 254U, 1000U, 65536U, 262144U}) {
        const KernelImage kernel = make_kernel(0xffffffff80000000, 0, kernel_pages);
        const std::string text = refusal_of(kernel, 0, 3000000);
        const std::string before = "at least ";
        const std::uint64_t least = std::stoull(text.substr(text.find(before) + before.size()));
        EXPECT_EQ(refusal_of(kernel, least * mib_pages, 3000000), "accepted");
        EXPECT_THAT(refusal_of(kernel, (least - 1) * mib_pages, 3000000),
                    HasSubstr(before + std::to_string(least) + " MiB"));
    }
}

TEST(Layout, KernelInTheHypervisorsAreaIsRefused) {
    for (const std::uint64_t virt_base :
         {0x0000800000000000U, 0x7fff000000000000U, 0xffff7ffffffff000U, 0xffff800000000000U,
          0xffff87fffffff000U}) {
        EXPECT_THAT(refusal_of(make_kernel(virt_base, 0, 1), 4 * mib_pages, 0),
                    HasSubstr("lies in the hypervisor's part"))
            << std::hex << virt_base;
    }
}

TEST(Layout, GuestThatReachesTheEndOfItsAddressSpaceIsRefused) {
    EXPECT_THAT(refusal_of(make_kernel(0x00007fffffff0000, 0, 1), 4 * mib_pages, 0), "accepted");
    EXPECT_THAT(refusal_of(make_kernel(0x00007fffffff5000, 0, 1), 4 * mib_pages, 0), "accepted");
    EXPECT_THAT(refusal_of(make_kernel(0x00007fffffff6000, 0, 1), 4 * mib_pages, 0),
                HasSubstr("the address space ends after 40 KiB"));
    EXPECT_THAT(refusal_of(make_kernel(0xfffffffffff00000, 0, 1), 4 * mib_pages, 0), "accepted");
    EXPECT_THAT(refusal_of(make_kernel(0xfffffffffffff000, 0, 1), 4 * mib_pages, 0),
                HasSubstr("the address space ends after 0 MiB"));
    // 1.5 TiB of memory: a list of 3 GiB above Linux's base, which has 2.
    EXPECT_THAT(refusal_of(make_kernel(0xffffffff80000000, 0, 1), 3 * mib_pages << 19, 0),
                HasSubstr("the list of the guest's pages"));
}

TEST(Layout, MappingIsClippedWhereTheAddressSpaceEnds) {
    const KernelImage kernel = make_kernel(0xfffffffffff00000, 0, 1);
    const BootLayout layout = plan_layout(kernel, 4 * mib_pages, 0, true);
    EXPECT_EQ(layout.mapped_pages, 255U);
    expect_maps_exactly(layout, make_p2m(4 * mib_pages));
}

TEST(Layout, AbsurdSizesAreRefused) {
    const KernelImage kernel = make_kernel(0, 0, 1);
    EXPECT_THAT(refusal_of(kernel, ~std::uint64_t{0}, 0), HasSubstr("more than any machine has"));
    EXPECT_THAT(refusal_of(kernel, 4 * mib_pages, ~std::size_t{0}), HasSubstr("is too large"));
}

TEST(Layout, TablesAreNotFilledFromShortBuffers) {
    const KernelImage kernel = make_kernel(0, 0, 1);
    const BootLayout layout = plan_layout(kernel, 4 * mib_pages, 0, true);
    const auto p2m = make_p2m(layout.mapped_pages);
    std::vector<std::byte> tables(layout.page_tables.count * page_size);
    fill_page_tables(layout, p2m, tables);
    EXPECT_THROW(fill_page_tables(layout, std::span(p2m).first(p2m.size() - 1), tables),
                 std::invalid_argument);
    EXPECT_THROW(fill_page_tables(layout, p2m, std::span(tables).first(tables.size() - 1)),
                 std::invalid_argument);
}

}  // namespace
}  // namespace xcl::kernel
