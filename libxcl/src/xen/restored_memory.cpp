// SPDX-License-Identifier: BSD-3-Clause
// Fills a domain from an image. What the image says is checked here as far as Xen does not: Xen
// itself sees to it that tables and vCPUs reach nothing but the domain's own pages.
#include "xen/restored_memory.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "xcl/error.hpp"
#include "xen/table_entries.hpp"
#include "xen/table_order.hpp"
#include "xen/vcpu_state.hpp"

namespace xcl::xen {
namespace {

using image::page_size;
using image::PageId;

// Pages that are mapped at once.
constexpr std::size_t batch = 1024;

[[noreturn]] void refuse(DomainId id, const std::string& problem) {
    throw Error({.domain = id, .doing = "restore its memory", .problem = problem});
}

// Where the guest finds its rings, as at start of day; whatever else is there stays.
void renew(start_info_t& info, const image::MachineState& state, xen_pfn_t shared_info,
           const RingFrames& rings, EventPort store_port, std::optional<EventPort> console_port) {
    info.nr_pages = state.pfn_end;
    info.shared_info = shared_info * page_size;
    info.flags &= SIF_VIRT_P2M_4TOOLS;  // that is for the toolstack to say, and it does
    info.store_mfn = rings.xenstore;
    info.store_evtchn = store_port;
    info.console.domU.mfn = rings.console;
    info.console.domU.evtchn = console_port.value_or(0);
}

// The vCPUs' part and the architecture's part go with the guest. Its event channels are gone, and
// what it published of its p2m names frames of another domain: it publishes it again. Clocks are
// Xen's to write.
void renew(shared_info_t& info, std::span<const std::byte> suspended) {
    shared_info_t old;
    static_assert(sizeof old <= page_size);
    std::memcpy(&old, suspended.data(), sizeof old);
    std::memcpy(info.vcpu_info, old.vcpu_info, sizeof info.vcpu_info);
    for (vcpu_info& vcpu : info.vcpu_info)
        vcpu.evtchn_pending_sel = 0;
    std::memset(info.evtchn_pending, 0, sizeof info.evtchn_pending);
    std::memset(info.evtchn_mask, 0xff, sizeof info.evtchn_mask);
    info.arch = old.arch;
    info.arch.pfn_to_mfn_frame_list_list = 0;
    info.arch.p2m_cr3 = 0;
    info.arch.p2m_vaddr = 0;
    info.arch.p2m_generation = 0;
}

}  // namespace

XenRestoredMemory::XenRestoredMemory(Handles& handles, Stopwatch& stopwatch, DomainId id,
                                     std::uint64_t pfn_end, std::span<const std::uint64_t> owned)
    : handles_(handles), stopwatch_(stopwatch), id_(id) {
    if (!owned.empty() && owned.back() >= pfn_end)
        refuse(id, fmt::format("its page {:#x} is out of range", owned.back()));
    frames_ = populate(handles.hypercalls, id, pfn_end, owned);
    written_.resize(pfn_end, Written::never);
}

bool XenRestoredMemory::is_owned(std::uint64_t pfn) const {
    return pfn < frames_.size() && frames_[pfn] != no_frame;
}

xen_pfn_t XenRestoredMemory::frame_of(std::uint64_t pfn, std::string_view what) const {
    if (!is_owned(pfn))
        refuse(id_, fmt::format("{} is in page {:#x}, which it does not own", what, pfn));
    return frames_[pfn];
}

void XenRestoredMemory::write(std::span<const PageId> pages, std::span<const std::byte> bytes) {
    const Stopwatch::Span span = stopwatch_.hypervisor();
    if (bytes.size() != pages.size() * page_size)
        refuse(id_, "there are not as many contents as pages");
    while (!pages.empty()) {
        const auto now = pages.first(std::min(pages.size(), batch));
        FrameList frames;
        frames.reserve(now.size());
        for (const PageId& page : now)
            frames.push_back(frame_of(page.pfn, "what is to be written"));
        const Mapping mapping(handles_, id_, frames);
        for (std::size_t i = 0; i < now.size(); ++i) {
            fill(now[i], bytes.data() + i * page_size, mapping.bytes().data() + i * page_size);
            written_[now[i].pfn] = now[i].type == PageType::data ? Written::data : Written::table;
        }
        pages = pages.subspan(now.size());
        bytes = bytes.subspan(now.size() * page_size);
    }
}

void XenRestoredMemory::fill(const PageId& page, const std::byte* contents, std::byte* to) const {
    if (page.type == PageType::data) {
        std::memcpy(to, contents, page_size);
        return;
    }
    const auto owned_frame = [&](std::uint64_t pfn) {
        return is_owned(pfn) ? std::optional(frames_[pfn]) : std::nullopt;
    };
    if (const auto stray = exchange_frames(page.type, contents, to, owned_frame))
        refuse(id_, fmt::format("its page table {:#x} names page {:#x}, which it does not own",
                                page.pfn, *stray));
}

void XenRestoredMemory::require_in_order(const image::MachineState& state,
                                         std::span<const PageId> pages) const {
    if (state.pfn_end != frames_.size() || state.shared_info.size() != page_size)
        refuse(id_, "its state is not of the size of its memory");
    if (state.p2m_pages.size() != (frames_.size() + image::p2m_entries - 1) / image::p2m_entries)
        refuse(id_, "its p2m is not of the size of its memory");
    for (const PageId& page : pages) {
        if (!is_owned(page.pfn))
            refuse(id_, fmt::format("it lists page {:#x}, which it does not own", page.pfn));
        const Written as = page.type == PageType::data ? Written::data : Written::table;
        if (written_[page.pfn] != Written::never && written_[page.pfn] != as)
            refuse(id_,
                   fmt::format("its page {:#x} was written before it became what it is", page.pfn));
    }
}

void XenRestoredMemory::clear() {
    const Stopwatch::Span span = stopwatch_.hypervisor();
    FrameList frames;
    for (std::uint64_t pfn = 0; pfn < frames_.size(); ++pfn)
        if (is_owned(pfn) && written_[pfn] == Written::never)
            frames.push_back(frames_[pfn]);
    clear_pages(handles_.hypercalls, id_, frames);
    cleared_ = true;
}

// The pages that nobody has written and nobody will.
void XenRestoredMemory::clear_the_rest(const image::MachineState& state,
                                       std::span<const PageId> pages) {
    for (const std::uint64_t pfn : state.p2m_pages)
        if (pfn != image::no_page) {
            static_cast<void>(frame_of(pfn, "its p2m"));
            written_[pfn] = Written::data;
        }
    if (cleared_)
        return;
    FrameList frames;
    for (const PageId& page : pages)
        if (written_[page.pfn] == Written::never)
            frames.push_back(frames_[page.pfn]);
    clear_pages(handles_.hypercalls, id_, frames);
}

void XenRestoredMemory::fill_own_pages(const image::MachineState& state, const RingFrames& rings,
                                       const Ports& ports) {
    Hypercalls& hypercalls = handles_.hypercalls;
    const xen_pfn_t shared_info = shared_info_frame(hypercalls, id_);
    FrameList frames{frame_of(state.start_info, "its start_info"), shared_info,
                     grant_frame(hypercalls, id_)};
    std::vector<std::size_t> stretches;  // of the p2m, that have a page
    for (std::size_t i = 0; i < state.p2m_pages.size(); ++i)
        if (state.p2m_pages[i] != image::no_page) {
            frames.push_back(frames_[state.p2m_pages[i]]);
            stretches.push_back(i);
        }
    const Mapping mapping(handles_, id_, frames);
    std::byte* const pages = mapping.bytes().data();
    renew(*reinterpret_cast<start_info_t*>(pages), state, shared_info, rings, ports.store,
          ports.console);
    renew(*reinterpret_cast<shared_info_t*>(pages + page_size), state.shared_info);
    seed_grants(reinterpret_cast<grant_entry_v1_t*>(pages + 2 * page_size), rings);
    std::byte* to = pages + 3 * page_size;
    for (const std::size_t stretch : stretches) {
        const std::size_t first = stretch * image::p2m_entries;
        const std::size_t count = std::min<std::size_t>(image::p2m_entries, frames_.size() - first);
        std::memset(to, 0xff, page_size);  // no_frame behind its end
        std::memcpy(to, &frames_[first], count * sizeof(xen_pfn_t));
        to += page_size;
    }
}

RingFrames XenRestoredMemory::finish(const image::MachineState& state,
                                     std::span<const PageId> pages, EventPort store_port,
                                     std::optional<EventPort> console_port) {
    const Stopwatch::Span span = stopwatch_.hypervisor();
    require_in_order(state, pages);
    const RingFrames rings{
        .xenstore = frame_of(state.xenstore, "its ring to XenStore"),
        .console = console_port ? frame_of(state.console, "its console's ring") : xen_pfn_t{0}};
    clear_the_rest(state, pages);
    fill_own_pages(state, rings, {.store = store_port, .console = console_port});
    const TableOrder tables = order_tables(handles_, id_, pages, frames_);
    pin_tables(handles_.hypercalls, id_, tables.to_pin);
    give_tsc(handles_.hypercalls, id_, state.tsc);
    give_vcpus(handles_.hypercalls, id_, state, frames_);
    pin_tables(handles_.hypercalls, id_, tables.to_unpin);
    return rings;
}

}  // namespace xcl::xen
