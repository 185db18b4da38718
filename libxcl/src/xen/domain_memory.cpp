// SPDX-License-Identifier: BSD-3-Clause
// Asks Xen for a new domain's memory in as few calls as it takes.
#include "xen/domain_memory.hpp"

#include <algorithm>
#include <cerrno>
#include <string>

#include "xcl/error.hpp"

namespace xcl::xen {
namespace {

// 2 MiB: the extents in which a guest's memory is asked for, where the host has such.
constexpr unsigned extent_order = 9;
constexpr std::uint64_t extent_pages = std::uint64_t{1} << extent_order;

// Asks for extents of 2^order pages; `frames` holds the first PFN of each and gets its machine
// frame. Returns how many were had.
std::size_t populate_extents(Hypercalls& hypercalls, DomainId id, unsigned order,
                             std::span<xen_pfn_t> frames) {
    constexpr std::size_t at_once = Hypercalls::payload_bytes / sizeof(xen_pfn_t);
    std::size_t done = 0;
    while (done < frames.size()) {
        const std::span<xen_pfn_t> now =
            frames.subspan(done, std::min(at_once, frames.size() - done));
        const std::span<xen_pfn_t> extents = hypercalls.payload<xen_pfn_t>(now.size());
        std::ranges::copy(now, extents.begin());
        auto& reservation = hypercalls.argument<xen_memory_reservation>();
        set_xen_guest_handle_raw(reservation.extent_start, extents.data());
        reservation.nr_extents = extents.size();
        reservation.extent_order = order;
        reservation.domid = id.value();
        const long had = hypercalls.memory_op(XENMEM_populate_physmap, reservation);
        if (had <= 0)
            return done;
        const auto count = static_cast<std::size_t>(had);
        std::ranges::copy(extents.first(count), now.begin());
        done += count;
        if (count < now.size())
            return done;
    }
    return done;
}

// The first PFN of each extent that is owned whole.
FrameList whole_extents(std::span<const std::uint64_t> owned) {
    FrameList extents;
    for (std::size_t i = 0; i + extent_pages <= owned.size();) {
        const std::uint64_t first = owned[i];
        // Ascending and without duplicates: the last one tells of those between.
        if (first % extent_pages == 0 && owned[i + extent_pages - 1] == first + extent_pages - 1) {
            extents.push_back(first);
            i += extent_pages;
        } else {
            ++i;
        }
    }
    return extents;
}

}  // namespace

FrameList populate(Hypercalls& hypercalls, DomainId id, std::uint64_t pfn_end,
                   std::span<const std::uint64_t> owned) {
    FrameList frames(pfn_end, no_frame);
    const FrameList firsts = whole_extents(owned);
    FrameList extents = firsts;
    const std::size_t large = populate_extents(hypercalls, id, extent_order, extents);
    for (std::size_t i = 0; i < large; ++i)
        for (std::uint64_t page = 0; page < extent_pages; ++page)
            frames[firsts[i] + page] = extents[i] + page;

    // What is left: parts of extents, or more where the host's memory is fragmented.
    std::vector<std::uint64_t> left;
    for (const std::uint64_t pfn : owned)
        if (frames[pfn] == no_frame)
            left.push_back(pfn);
    FrameList rest(left.begin(), left.end());
    if (populate_extents(hypercalls, id, 0, rest) < rest.size())
        throw Error({.domain = id,
                     .doing = "give it its memory",
                     .call = "XENMEM_populate_physmap",
                     .error = ENOMEM,
                     .hint = "the host has no more: destroy guests, or lower 'memory'"});
    for (std::size_t i = 0; i < left.size(); ++i)
        frames[left[i]] = rest[i];
    return frames;
}

FrameList frames_of(std::span<const xen_pfn_t> frames, std::span<const std::uint64_t> pfns) {
    FrameList chosen;
    chosen.reserve(pfns.size());
    for (const std::uint64_t pfn : pfns)
        chosen.push_back(frames[pfn]);
    return chosen;
}

void clear_pages(Hypercalls& hypercalls, DomainId id, std::span<const xen_pfn_t> frames) {
    constexpr std::size_t at_once = Hypercalls::payload_bytes / sizeof(mmuext_op_t);
    while (!frames.empty()) {
        const auto now = frames.first(std::min(frames.size(), at_once));
        const auto operations = hypercalls.payload<mmuext_op_t>(now.size());
        for (std::size_t i = 0; i < now.size(); ++i) {
            operations[i].cmd = MMUEXT_CLEAR_PAGE;
            operations[i].arg1.mfn = now[i];
        }
        if (hypercalls.mmuext_op(operations, id) < 0)
            throw_failed(id, "clear its pages", "MMUEXT_CLEAR_PAGE");
        frames = frames.subspan(now.size());
    }
}

xen_pfn_t grant_frame(Hypercalls& hypercalls, DomainId id) {
    const std::span<xen_pfn_t> frame = hypercalls.payload<xen_pfn_t>(1);
    auto& setup = hypercalls.argument<gnttab_setup_table>();
    setup.dom = id.value();
    setup.nr_frames = 1;
    set_xen_guest_handle_raw(setup.frame_list, frame.data());
    if (hypercalls.grant_table_op(GNTTABOP_setup_table, &setup, 1) != 0)
        throw_failed(id, "set up its grant table", "GNTTABOP_setup_table");
    if (setup.status != GNTST_okay)
        throw Error({.domain = id,
                     .doing = "set up its grant table",
                     .call = "GNTTABOP_setup_table",
                     .problem = "status " + std::to_string(setup.status)});
    return frame.front();
}

void seed_grants(grant_entry_v1_t* grants, const RingFrames& rings) {
    const auto seed = [&](std::size_t reference, std::uint64_t frame) {
        grants[reference].domid = control_domain.value();
        grants[reference].frame = static_cast<std::uint32_t>(frame);
        grants[reference].flags = GTF_permit_access;
    };
    seed(GNTTAB_RESERVED_XENSTORE, rings.xenstore);
    if (rings.console != 0)
        seed(GNTTAB_RESERVED_CONSOLE, rings.console);
}

xen_pfn_t shared_info_frame(Hypercalls& hypercalls, DomainId id) {
    xen_domctl& operation = hypercalls.domctl(XEN_DOMCTL_getdomaininfo, id);
    hypercalls.perform(operation, "find its shared_info page", "XEN_DOMCTL_getdomaininfo");
    return operation.u.getdomaininfo.shared_info_frame;
}

void pin_tables(Hypercalls& hypercalls, DomainId id, std::span<const PinnedTable> tables) {
    constexpr std::size_t at_once = Hypercalls::payload_bytes / sizeof(mmuext_op_t);
    while (!tables.empty()) {
        const auto now = tables.first(std::min(tables.size(), at_once));
        const auto operations = hypercalls.payload<mmuext_op_t>(now.size());
        for (std::size_t i = 0; i < now.size(); ++i) {
            operations[i].cmd = now[i].command;
            operations[i].arg1.mfn = now[i].frame;
        }
        // Not throw_failed: EPERM is said of what the tables name, not of the caller.
        if (hypercalls.mmuext_op(operations, id) < 0)
            throw Error({.domain = id,
                         .doing = "pin its page tables",
                         .call = "MMUEXT_PIN_TABLE",
                         .error = errno});
        tables = tables.subspan(now.size());
    }
}

}  // namespace xcl::xen
