// SPDX-License-Identifier: BSD-3-Clause
// Goes down from the tables of level 4 and those that are pinned. A page that was a table once, and
// that none of them reaches, is left out: Xen would not look at it either.
#include "xen/table_order.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "xcl/error.hpp"
#include "xen/table_entries.hpp"

namespace xcl::xen {
namespace {

using image::PageId;
using image::PageType;

// Pages that are mapped at once.
constexpr std::size_t batch = 1024;

unsigned pin_command(PageType type) {
    constexpr std::array<unsigned, 5> commands{0, MMUEXT_PIN_L1_TABLE, MMUEXT_PIN_L2_TABLE,
                                               MMUEXT_PIN_L3_TABLE, MMUEXT_PIN_L4_TABLE};
    return commands.at(static_cast<std::size_t>(type));
}

struct Table {
    xen_pfn_t frame = 0;
    PageId page;
    bool reached = false;
};

class Descent {
  public:
    Descent(Handles& handles, DomainId id, std::span<const PageId> pages,
            std::span<const xen_pfn_t> frames)
        : handles_(handles), id_(id) {
        for (const PageId& page : pages)
            if (page.type != PageType::data)
                tables_.push_back({.frame = frames[page.pfn],
                                   .page = page,
                                   .reached = page.pinned || page.type == PageType::l4_table});
        std::ranges::sort(tables_, {}, &Table::frame);
    }

    void go_through(PageType level) {
        std::vector<const Table*> found;
        for (const Table& table : tables_)
            if (table.reached && table.page.type == level)
                found.push_back(&table);
        for (std::size_t i = 0; i < found.size(); i += batch)
            go_through(std::span(found).subspan(i, std::min(batch, found.size() - i)));
    }

    [[nodiscard]] std::span<const Table> tables() const { return tables_; }

  private:
    void go_through(std::span<const Table* const> tables) {
        FrameList frames;
        frames.reserve(tables.size());
        for (const Table* const table : tables)
            frames.push_back(table->frame);
        const Mapping mapping(handles_, id_, frames, Access::read_only);
        for (std::size_t i = 0; i < tables.size(); ++i)
            take_entries(tables[i]->page, mapping.bytes().data() + i * image::page_size);
    }

    void take_entries(const PageId& page, const std::byte* contents) {
        for (std::size_t i = 0; i < table::entries; ++i) {
            table::Entry entry = 0;
            std::memcpy(&entry, contents + i * sizeof entry, sizeof entry);
            if ((entry & table::present) != 0)
                take_entry(page, table::frame_of(entry));
        }
    }

    void take_entry(const PageId& page, xen_pfn_t frame) {
        const auto named = std::ranges::lower_bound(tables_, frame, {}, &Table::frame);
        if (named != tables_.end() && named->frame == frame) {
            if (named->page.type == page.type)
                return;
            if (static_cast<unsigned>(named->page.type) + 1 == static_cast<unsigned>(page.type)) {
                named->reached = true;
                return;
            }
        }
        throw Error({.domain = id_,
                     .doing = "restore its memory",
                     .problem = fmt::format("its page table {:#x}, of level {}, names what is no "
                                            "table of the level below",
                                            page.pfn, static_cast<unsigned>(page.type))});
    }

    Handles& handles_;
    DomainId id_;
    std::vector<Table> tables_;  // by frame
};

}  // namespace

TableOrder order_tables(Handles& handles, DomainId id, std::span<const PageId> pages,
                        std::span<const xen_pfn_t> frames) {
    Descent descent(handles, id, pages, frames);
    for (const PageType level : {PageType::l4_table, PageType::l3_table, PageType::l2_table})
        descent.go_through(level);

    TableOrder order;
    for (const PageType level :
         {PageType::l1_table, PageType::l2_table, PageType::l3_table, PageType::l4_table}) {
        for (const Table& table : descent.tables()) {
            const PageId& page = table.page;
            // One of level 4 that is not pinned, Xen checks when a vCPU gets it.
            if (page.type != level || !table.reached ||
                (level == PageType::l4_table && !page.pinned))
                continue;
            order.to_pin.push_back({.frame = table.frame, .command = pin_command(level)});
            if (!page.pinned)
                order.to_unpin.push_back({.frame = table.frame, .command = MMUEXT_UNPIN_TABLE});
        }
    }
    return order;
}

}  // namespace xcl::xen
