// SPDX-License-Identifier: BSD-3-Clause
// Page tables that reach for what is not the guest's, or that Xen lets no guest have.
#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>

#include "guest_context.hpp"
#include "image_parts.hpp"
#include "xen/table_entries.hpp"

namespace xcl::test {
namespace {

using image::MemoryForm;
using image::PageId;
using image::PageType;
using xen::table::Entry;

constexpr Entry writable = 1U << 1;
constexpr Entry user = 1U << 2;
constexpr Entry uncached = 1U << 4;
constexpr Entry global = 1U << 8;
constexpr Entry usual = xen::table::present | writable | user;

Entry entry_naming(std::uint64_t pfn, Entry flags = usual) {
    return pfn << xen::table::frame_shift | flags;
}

Entry get(const ImageParts& parts, std::uint64_t table, std::size_t slot) {
    Entry entry = 0;
    std::memcpy(&entry, parts.contents.at(table).data() + slot * sizeof entry, sizeof entry);
    return entry;
}

void set(ImageParts& parts, std::uint64_t table, std::size_t slot, Entry entry) {
    std::memcpy(contents_at(parts, table).data() + slot * sizeof entry, &entry, sizeof entry);
}

std::size_t first_present(const ImageParts& parts, std::uint64_t table) {
    for (std::size_t slot = 0; slot < xen::table::entries; ++slot)
        if ((get(parts, table, slot) & xen::table::present) != 0)
            return slot;
    throw std::runtime_error("a table of the image is empty");
}

// A table of that level, on the way to the first address that is mapped.
std::uint64_t table_of(const ImageParts& parts, PageType level) {
    std::uint64_t table = top_table(parts);
    for (unsigned now = 4; now > static_cast<unsigned>(level); --now)
        table = xen::table::frame_of(get(parts, table, first_present(parts, table)));
    return table;
}

// Changes its first entry that is there.
template <typename Edit>
void edit_entry(ImageParts& parts, PageType level, Edit edit) {
    const std::uint64_t table = table_of(parts, level);
    const std::size_t slot = first_present(parts, table);
    set(parts, table, slot, edit(get(parts, table, slot)));
}

template <PageType level>
void name_page_outside(ImageParts& parts) {
    edit_entry(parts, level, [&](Entry) { return entry_naming(parts.guest.pfn_end); });
}

// A page that the guest does not own, though its number is within bounds, and no entry names.
std::uint64_t make_hole(ImageParts& parts) {
    const std::uint64_t pfn = spare_page(parts);
    for (const PageId& page : parts.pages)
        for (std::size_t slot = 0; page.type == PageType::l1_table && slot < xen::table::entries;
             ++slot)
            if (xen::table::frame_of(get(parts, page.pfn, slot)) == pfn)
                set(parts, page.pfn, slot, 0);
    std::erase_if(parts.pages, [&](const PageId& page) { return page.pfn == pfn; });
    parts.guest.memory_pages = parts.state.memory_pages = parts.pages.size();
    return pfn;
}

template <PageType level>
void name_hole(ImageParts& parts) {
    const std::uint64_t hole = make_hole(parts);
    edit_entry(parts, level, [&](Entry) { return entry_naming(hole); });
}

template <PageType level, Entry flags>
void set_flags(ImageParts& parts) {
    edit_entry(parts, level, [](Entry entry) { return entry | flags; });
}

// The first entry of a table names a page table, and may be written through.
template <PageType level, PageType named>
void map_table(ImageParts& parts) {
    edit_entry(parts, level, [&](Entry) { return entry_naming(table_of(parts, named)); });
}

template <PageType level>
void name_data(ImageParts& parts) {
    edit_entry(parts, level, [&](Entry) { return entry_naming(filled_page(parts)); });
}

// The table's contents stay what they are.
template <PageType level, PageType declared, bool pinned>
void declare_table(ImageParts& parts) {
    PageId& page = page_at(parts, table_of(parts, level));
    page.type = declared;
    page.pinned = pinned;
}

template <PageType declared, bool pinned>
void declare_data(ImageParts& parts) {
    PageId& page = page_at(parts, filled_page(parts));
    page.type = declared;
    page.pinned = pinned;
}

template <PageType declared>
void pin_zero_page(ImageParts& parts) {
    PageId& page = page_at(parts, spare_page(parts));
    page.type = declared;
    page.pinned = true;
}

void fill_slots_of_xen(ImageParts& parts, Entry entry) {
    for (std::size_t slot = xen::first_slot_of_xen; slot < xen::end_of_slots_of_xen; ++slot)
        set(parts, top_table(parts), slot, entry);
}

void write_first_as_data(ImageParts& parts) {
    parts.form = MemoryForm::rounds;
    const std::uint64_t table = table_of(parts, PageType::l1_table);
    parts.written_as[table] = {.pfn = table};
}

constexpr PageType l1 = PageType::l1_table;
constexpr PageType l2 = PageType::l2_table;
constexpr PageType l3 = PageType::l3_table;
constexpr PageType l4 = PageType::l4_table;

constexpr std::array faults{
    Fault{"none", [](ImageParts&) {}},
    Fault{"l1-names-page-outside", name_page_outside<l1>},
    Fault{"l2-names-page-outside", name_page_outside<l2>},
    Fault{"l3-names-page-outside", name_page_outside<l3>},
    Fault{"l4-names-page-outside", name_page_outside<l4>},
    Fault{"l1-names-last-frame-there-can-be",
          [](ImageParts& parts) {
              edit_entry(parts, l1, [](Entry entry) { return entry | xen::table::frame_bits; });
          }},
    Fault{"hole-that-nothing-names",
          [](ImageParts& parts) { static_cast<void>(make_hole(parts)); }},
    Fault{"l1-names-hole", name_hole<l1>},
    Fault{"l2-names-hole", name_hole<l2>},
    Fault{"l3-names-hole", name_hole<l3>},
    Fault{"l4-names-hole", name_hole<l4>},
    Fault{"l1-uncached", set_flags<l1, uncached>},
    Fault{"l2-large-page", set_flags<l2, xen::table::large>},
    Fault{"l3-large-page", set_flags<l3, xen::table::large>},
    Fault{"l4-reserved-bit", set_flags<l4, xen::table::large>},
    Fault{"l2-global", set_flags<l2, global>},
    Fault{"l3-global", set_flags<l3, global>},
    Fault{"l1-maps-itself-writable", map_table<l1, l1>},
    Fault{"l1-maps-l2-writable", map_table<l1, l2>},
    Fault{"l1-maps-l3-writable", map_table<l1, l3>},
    Fault{"l1-maps-l4-writable", map_table<l1, l4>},
    Fault{"l2-names-itself", map_table<l2, l2>},
    Fault{"l3-names-l1", map_table<l3, l1>},
    Fault{"l4-names-itself-writable", map_table<l4, l4>},
    Fault{"l4-names-l2", map_table<l4, l2>},
    Fault{"l2-names-data", name_data<l2>},
    Fault{"l3-names-data", name_data<l3>},
    Fault{"l4-names-data", name_data<l4>},
    Fault{"l4-pinned-as-l3", declare_table<l4, l3, true>},
    Fault{"l3-pinned-as-l4", declare_table<l3, l4, true>},
    Fault{"l2-pinned-as-l1", declare_table<l2, l1, true>},
    Fault{"l1-pinned-as-l2", declare_table<l1, l2, true>},
    Fault{"l4-declared-data", declare_table<l4, PageType::data, false>},
    Fault{"l3-declared-data", declare_table<l3, PageType::data, false>},
    Fault{"l2-declared-data", declare_table<l2, PageType::data, false>},
    Fault{"l1-declared-data", declare_table<l1, PageType::data, false>},
    Fault{"data-pinned", declare_data<PageType::data, true>},
    Fault{"data-declared-l1", declare_data<l1, false>},
    Fault{"data-declared-l4", declare_data<l4, false>},
    Fault{"zero-page-pinned-as-l1", pin_zero_page<l1>},
    Fault{"zero-page-pinned-as-l4", pin_zero_page<l4>},
    Fault{"nothing-pinned",
          [](ImageParts& parts) {
              for (PageId& page : parts.pages)
                  page.pinned = false;
          }},
    Fault{"every-table-pinned",
          [](ImageParts& parts) {
              for (PageId& page : parts.pages)
                  page.pinned = page.type != PageType::data;
          }},
    Fault{"slots-of-xen-name-the-table",
          [](ImageParts& parts) { fill_slots_of_xen(parts, entry_naming(top_table(parts))); }},
    Fault{"slots-of-xen-name-the-host",
          [](ImageParts& parts) { fill_slots_of_xen(parts, entry_naming(0x100000)); }},
    Fault{"l4-is-zero",
          [](ImageParts& parts) {
              std::ranges::fill(contents_at(parts, top_table(parts)), std::byte{0});
          }},
    Fault{"unknown-type",
          [](ImageParts& parts) { page_at(parts, spare_page(parts)).type = PageType{9}; }},
    Fault{"batch-of-another-type",
          [](ImageParts& parts) {
              const std::uint64_t table = table_of(parts, l1);
              parts.written_as[table] = {.pfn = table};
          }},
    Fault{"rounds", [](ImageParts& parts) { parts.form = MemoryForm::rounds; }},
    Fault{"rounds-with-a-table-written-as-data", write_first_as_data},
    Fault{"rounds-with-all-tables-zero-in-the-end",
          [](ImageParts& parts) {
              parts.form = MemoryForm::rounds;
              for (const PageId& page : parts.pages)
                  if (page.type != PageType::data)
                      parts.written_twice.push_back(page);
          }},
    Fault{"rounds-with-a-page-outside",
          [](ImageParts& parts) {
              parts.form = MemoryForm::rounds;
              parts.written_twice.push_back({.pfn = parts.guest.pfn_end});
          }},
};

}  // namespace

std::span<const Fault> table_faults() {
    return faults;
}

}  // namespace xcl::test
