// SPDX-License-Identifier: BSD-3-Clause
// Finds and reads a guest's p2m. Xen maps no frame that is not the guest's, so one that lies only
// fails.
#include "xen/guest_p2m.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "image/guest_image.hpp"
#include "xcl/error.hpp"
#include "xen/table_entries.hpp"

namespace xcl::xen {
namespace {

using image::p2m_entries;
using image::page_size;

// Pages that are mapped at once.
constexpr std::size_t batch = 1024;

// Linux' marks of entries that are no frames of the guest's own.
constexpr xen_pfn_t marks = xen_pfn_t{3} << 62;

[[noreturn]] void refuse(DomainId id, const std::string& problem) {
    throw Error({.domain = id,
                 .doing = "read its memory",
                 .problem = problem,
                 .hint = "does its kernel support being suspended?"});
}

std::uint64_t pages_for(std::uint64_t entries) {
    return (entries + p2m_entries - 1) / p2m_entries;
}

// What the pages hold, one after the other.
std::vector<std::uint64_t> words_in(Handles& handles, DomainId id,
                                    std::span<const xen_pfn_t> frames) {
    std::vector<std::uint64_t> words(frames.size() * p2m_entries);
    for (std::size_t done = 0; done < frames.size(); done += batch) {
        const auto now = frames.subspan(done, std::min(batch, frames.size() - done));
        const Mapping mapping(handles, id, now, Access::read_only);
        std::memcpy(words.data() + done * p2m_entries, mapping.bytes().data(),
                    mapping.bytes().size());
    }
    return words;
}

FrameList own_by_frame_lists(Handles& handles, DomainId id, xen_pfn_t top, std::uint64_t pages) {
    const std::uint64_t lists = pages_for(pages);
    if (lists > p2m_entries)
        refuse(id, "its tree of frame lists holds less than its p2m");
    FrameList frames = words_in(handles, id, {&top, 1});
    frames.resize(lists);
    frames = words_in(handles, id, frames);
    frames.resize(pages);
    return frames;
}

// Walks the guest's tables down to the pages that its linear list lies in.
FrameList own_by_address(Handles& handles, DomainId id, const arch_shared_info& published,
                         std::uint64_t pages) {
    constexpr unsigned index_bits = 9;
    constexpr std::uint64_t address_bits = (std::uint64_t{1} << 48) - 1;
    const std::uint64_t first = (published.p2m_vaddr & address_bits) / page_size;
    if (published.p2m_vaddr % page_size != 0 || pages > (address_bits + 1) / page_size - first)
        refuse(id, fmt::format("its p2m is at the address {:#x}", published.p2m_vaddr));
    const std::uint64_t last = first + pages - 1;

    FrameList tables{published.p2m_cr3 >> table::frame_shift};
    for (unsigned level = 4; level >= 1; --level) {
        const unsigned shift = (level - 1) * index_bits;
        const std::vector<std::uint64_t> entries = words_in(handles, id, tables);
        const std::uint64_t begin = first >> (shift + index_bits) << index_bits;  // number of [0]
        tables.clear();
        for (std::uint64_t number = first >> shift; number <= last >> shift; ++number) {
            const table::Entry entry = entries[number - begin];
            if ((entry & table::present) == 0 || (level > 1 && (entry & table::large) != 0))
                refuse(id, fmt::format("its p2m at the address {:#x} is not mapped there",
                                       published.p2m_vaddr));
            tables.push_back(table::frame_of(entry));
        }
    }
    return tables;
}

}  // namespace

GuestP2m read_p2m(Handles& handles, DomainId id, const arch_shared_info& published,
                  std::uint64_t memory_pages) {
    const std::uint64_t pfn_end = published.max_pfn;
    // Its p2m is in its own memory.
    if (pfn_end == 0 || pfn_end > image::max_pages || pages_for(pfn_end) > memory_pages)
        refuse(id, fmt::format("it says that it has {} page frames", pfn_end));
    const xen_pfn_t top = published.pfn_to_mfn_frame_list_list;
    const std::uint64_t pages = pages_for(pfn_end);
    GuestP2m p2m;
    if (published.p2m_cr3 != 0)
        p2m.own = own_by_address(handles, id, published, pages);
    else if (top != 0 && top != no_frame)
        p2m.own = own_by_frame_lists(handles, id, top, pages);
    else
        refuse(id, "it does not say where its p2m is");

    p2m.frames = words_in(handles, id, p2m.own);
    p2m.frames.resize(pfn_end);
    for (xen_pfn_t& frame : p2m.frames)
        if ((frame & marks) != 0)
            frame = no_frame;
    return p2m;
}

}  // namespace xcl::xen
