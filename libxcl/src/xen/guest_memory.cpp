// SPDX-License-Identifier: BSD-3-Clause
// Reads a guest's pages in batches, each page mapped once, and what else it is made of.
#include "xen/guest_memory.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "xcl/error.hpp"
#include "xen/table_entries.hpp"
#include "xen/vcpu_state.hpp"

namespace xcl::xen {
namespace {

using image::page_size;
using image::PageId;

// Pages that are mapped at once: to be held, and to be read once, through a window.
constexpr std::size_t batch = 1024;
constexpr std::size_t window_pages = Hypercalls::short_list;

constexpr std::array<std::byte, page_size> zero_page{};

xen_domctl_getdomaininfo domain_info(Hypercalls& hypercalls, DomainId id) {
    xen_domctl& operation = hypercalls.domctl(XEN_DOMCTL_getdomaininfo, id);
    hypercalls.perform(operation, "look at it", "XEN_DOMCTL_getdomaininfo");
    return operation.u.getdomaininfo;
}

bool is_suspended(const xen_domctl_getdomaininfo& info) {
    return (info.flags & XEN_DOMINF_shutdown) != 0 &&
           ((info.flags >> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask) ==
               static_cast<unsigned>(ShutdownReason::suspend);
}

PageId page_of(std::uint64_t pfn, xen_pfn_t info) {
    const auto level = (info & XEN_DOMCTL_PFINFO_LTABTYPE_MASK) >> XEN_DOMCTL_PFINFO_LTAB_SHIFT;
    return {.pfn = pfn,
            .type = static_cast<PageType>(level),
            .pinned = level != 0 && (info & XEN_DOMCTL_PFINFO_LPINTAB) != 0};
}

}  // namespace

XenGuestMemory::XenGuestMemory(Handles& handles, Stopwatch& stopwatch, DomainId id)
    : handles_(handles),
      stopwatch_(stopwatch),
      id_(id),
      shared_info_(shared_info_frame(handles.hypercalls, id)) {}

std::vector<PageId> XenGuestMemory::pages() {
    const Stopwatch::Span span = stopwatch_.hypervisor();
    const std::uint64_t has = domain_info(handles_.hypercalls, id_).tot_pages;
    arch_shared_info published{};
    {
        const Mapping mapping(handles_, id_, {&shared_info_, 1}, Access::read_only);
        published = reinterpret_cast<const shared_info_t*>(mapping.bytes().data())->arch;
    }
    p2m_ = read_p2m(handles_, id_, published, has);
    std::vector<PageId> pages = types_of_pages();
    map_ = FrameMap(p2m_.frames);
    owned_ = pages.size();
    if (map_.shared_page())
        throw Declined({.domain = id_,
                        .doing = "read its memory",
                        .problem = fmt::format("its p2m gives page {:#x} the frame of another page",
                                               *map_.shared_page())},
                       owned_);
    leave_out_holes_of_p2m();
    return pages;
}

// Frames that are not the guest's become holes; Xen takes a hole for such a frame.
std::vector<PageId> XenGuestMemory::types_of_pages() {
    constexpr std::size_t at_once = Hypercalls::payload_bytes / sizeof(xen_pfn_t);
    static_assert(at_once <= 1024, "Xen takes no more at once");
    Hypercalls& hypercalls = handles_.hypercalls;
    std::vector<PageId> pages;
    pages.reserve(p2m_.frames.size());
    for (std::size_t first = 0; first < p2m_.frames.size(); first += at_once) {
        const auto frames =
            std::span(p2m_.frames).subspan(first, std::min(at_once, p2m_.frames.size() - first));
        // XEN_DOMCTL_PFINFO_* take the place of frames.
        const auto infos = hypercalls.payload<xen_pfn_t>(frames.size());
        std::ranges::copy(frames, infos.begin());
        xen_domctl& operation = hypercalls.domctl(XEN_DOMCTL_getpageframeinfo3, id_);
        operation.u.getpageframeinfo3.num = infos.size();
        set_xen_guest_handle_raw(operation.u.getpageframeinfo3.array, infos.data());
        hypercalls.perform(operation, "ask for the types of its pages",
                           "XEN_DOMCTL_getpageframeinfo3");
        for (std::size_t i = 0; i < frames.size(); ++i) {
            const xen_pfn_t kind = infos[i] & XEN_DOMCTL_PFINFO_LTAB_MASK;
            if (kind == XEN_DOMCTL_PFINFO_BROKEN)
                throw Error({.domain = id_,
                             .doing = "read its memory",
                             .problem = fmt::format("its page {:#x} is broken", first + i)});
            if (kind == XEN_DOMCTL_PFINFO_XTAB)
                frames[i] = no_frame;
            else
                pages.push_back(page_of(first + i, infos[i]));
        }
    }
    return pages;
}

// A page of the p2m with nothing but holes may stand for many such (Linux). Its contents name no
// frames and stay as they are.
void XenGuestMemory::leave_out_holes_of_p2m() {
    p2m_pages_.clear();
    p2m_pages_sorted_.clear();
    for (std::size_t i = 0; i < p2m_.own.size(); ++i) {
        const std::size_t first = i * image::p2m_entries;
        const auto entries = std::span(p2m_.frames)
                                 .subspan(first, std::min<std::size_t>(image::p2m_entries,
                                                                       p2m_.frames.size() - first));
        if (std::ranges::all_of(entries, [](xen_pfn_t frame) { return frame == no_frame; })) {
            p2m_pages_.push_back(image::no_page);
            continue;
        }
        const std::optional<std::uint64_t> pfn = map_.pfn_of(p2m_.own[i]);
        if (!pfn)
            throw Error({.domain = id_,
                         .doing = "read its memory",
                         .problem = "its p2m lies in pages that are not its own"});
        p2m_pages_.push_back(*pfn);
        p2m_pages_sorted_.push_back(*pfn);
    }
    std::ranges::sort(p2m_pages_sorted_);
}

bool XenGuestMemory::holds_p2m(std::uint64_t pfn) const {
    const std::vector<std::uint64_t>& all = p2m_pages_sorted_;
    // They are few, and mostly side by side.
    return !all.empty() && pfn >= all.front() && pfn <= all.back() &&
           std::ranges::binary_search(all, pfn);
}

void XenGuestMemory::require_owned(std::uint64_t pfn) const {
    if (pfn >= p2m_.frames.size() || p2m_.frames[pfn] == no_frame)
        throw Error({.domain = id_,
                     .doing = "read its memory",
                     .problem = fmt::format("it has no page {:#x}", pfn)});
}

void XenGuestMemory::hold_all(std::span<const PageId> pages) {
    if (held_.size() < p2m_.frames.size())
        held_.resize(p2m_.frames.size());
    FrameList frames;
    std::vector<std::uint64_t> pfns;
    for (const PageId& page : pages) {
        if (holds_p2m(page.pfn) || held_[page.pfn].frame == p2m_.frames[page.pfn])
            continue;
        frames.push_back(p2m_.frames[page.pfn]);
        pfns.push_back(page.pfn);
    }
    if (frames.empty())
        return;
    const Stopwatch::Span span = stopwatch_.hypervisor();
    const std::byte* contents =
        mappings_.emplace_back(handles_, id_, frames, Access::read_only).bytes().data();
    for (std::size_t i = 0; i < pfns.size(); ++i, contents += page_size)
        held_[pfns[i]] = {.frame = frames[i], .contents = contents};
}

void XenGuestMemory::read(std::span<const PageId> pages, const Sink& sink) {
    for (const PageId& page : pages)
        require_owned(page.pfn);
    if (holds_)
        read_held(pages, sink);
    else
        read_once(pages, sink);
}

void XenGuestMemory::read_held(std::span<const PageId> pages, const Sink& sink) {
    while (!pages.empty()) {
        const auto now = pages.first(std::min(pages.size(), batch));
        hold_all(now);
        for (const PageId& page : now)
            hand_over(page, holds_p2m(page.pfn) ? zero_page.data() : held_[page.pfn].contents,
                      sink);
        pages = pages.subspan(now.size());
    }
}

void XenGuestMemory::read_once(std::span<const PageId> pages, const Sink& sink) {
    std::optional<Mapping> window;
    FrameList frames;
    frames.reserve(window_pages);
    while (!pages.empty()) {
        frames.clear();
        std::size_t count = 0;
        for (; count < pages.size() && frames.size() < window_pages; ++count)
            if (!holds_p2m(pages[count].pfn))
                frames.push_back(p2m_.frames[pages[count].pfn]);
        const std::byte* contents = frames.empty() ? nullptr : show(frames, window);
        for (const PageId& page : pages.first(count)) {
            const bool is_shown = !holds_p2m(page.pfn);
            hand_over(page, is_shown ? contents : zero_page.data(), sink);
            if (is_shown)
                contents += page_size;
        }
        pages = pages.subspan(count);
    }
    const Stopwatch::Span span = stopwatch_.hypervisor();
    window.reset();
}

const std::byte* XenGuestMemory::show(std::span<const xen_pfn_t> frames,
                                      std::optional<Mapping>& window) {
    const Stopwatch::Span span = stopwatch_.hypervisor();
    if (!window || !window->show(frames)) {
        window.reset();
        window.emplace(handles_, id_, frames, Access::read_only);
    }
    return window->bytes().data();
}

void XenGuestMemory::hand_over(const PageId& page, const std::byte* contents, const Sink& sink) {
    if (page.type == PageType::data) {
        sink(page, std::span(contents, page_size));
        return;
    }
    const auto pfn_of = [&](std::uint64_t frame) { return map_.pfn_of(frame); };
    if (exchange_frames(page.type, contents, translated_.data(), pfn_of))
        sink(page, std::nullopt);
    else
        sink(page, translated_);
}

image::MachineState XenGuestMemory::state() {
    const Stopwatch::Span span = stopwatch_.hypervisor();
    Hypercalls& hypercalls = handles_.hypercalls;
    const xen_domctl_getdomaininfo info = domain_info(hypercalls, id_);
    const auto refuse = [&](const std::string& problem) {
        throw Error({.domain = id_, .doing = "read its state", .problem = problem});
    };
    if (!is_suspended(info))
        refuse("it is not suspended");

    TakenVcpus taken = take_vcpus(hypercalls, id_, info.max_vcpu_id + 1, map_);
    image::MachineState state{.pfn_end = p2m_.frames.size(),
                              .memory_pages = owned_,
                              .start_info = taken.start_info,
                              .xenstore = 0,
                              .console = 0,
                              .shared_info = {},
                              .p2m_pages = p2m_pages_,
                              .tsc = take_tsc(hypercalls, id_),
                              .vcpus = std::move(taken.vcpus)};

    const FrameList frames{p2m_.frames.at(state.start_info), shared_info_};
    const Mapping mapping(handles_, id_, frames, Access::read_only);
    start_info_t start;
    std::memcpy(&start, mapping.bytes().data(), sizeof start);
    constexpr std::string_view magic = "xen-";
    if (std::memcmp(start.magic, magic.data(), magic.size()) != 0)
        refuse("it did not say where its start_info is");
    const auto is_owned = [&](std::uint64_t pfn) {
        return pfn < p2m_.frames.size() && p2m_.frames[pfn] != no_frame;
    };
    if (!is_owned(start.store_mfn))
        refuse("its start_info does not name its ring to XenStore by a page frame");
    state.xenstore = start.store_mfn;
    // A guest without a console may translate the zero that it found there.
    if (is_owned(start.console.domU.mfn))
        state.console = start.console.domU.mfn;

    const auto shared_info = mapping.bytes().last(page_size);
    state.shared_info.assign(shared_info.begin(), shared_info.end());
    return state;
}

}  // namespace xcl::xen
