// SPDX-License-Identifier: BSD-3-Clause
// XenGuestMemory: reads a guest's memory through mappings that are kept no longer than needed, or
// for the next time.
#pragma once

#include <array>
#include <list>
#include <optional>

#include "core/stopwatch.hpp"
#include "image/guest_image.hpp"
#include "ports/hypervisor.hpp"
#include "xen/frame_map.hpp"
#include "xen/guest_p2m.hpp"
#include "xen/handles.hpp"

namespace xcl::xen {

class XenGuestMemory final : public GuestMemory {
  public:
    // `handles` and `stopwatch` outlive it.
    XenGuestMemory(Handles& handles, Stopwatch& stopwatch, DomainId id);

    std::vector<image::PageId> pages() override;
    [[nodiscard]] std::uint64_t pfn_end() const override { return p2m_.frames.size(); }
    void read(std::span<const image::PageId> pages, const Sink& sink) override;
    void hold() override { holds_ = true; }
    image::MachineState state() override;

  private:
    using Page = std::array<std::byte, image::page_size>;
    // A page that stays mapped. While it does, Xen gives its frame to nobody else.
    struct Held {
        xen_pfn_t frame = no_frame;
        const std::byte* contents = nullptr;
    };

    [[nodiscard]] std::vector<image::PageId> types_of_pages();
    void leave_out_holes_of_p2m();
    [[nodiscard]] bool holds_p2m(std::uint64_t pfn) const;
    void require_owned(std::uint64_t pfn) const;
    // Maps and holds those of the pages that are not held yet, or not by the frame they have now.
    void hold_all(std::span<const image::PageId> pages);
    void read_held(std::span<const image::PageId> pages, const Sink& sink);
    void read_once(std::span<const image::PageId> pages, const Sink& sink);
    // Where these frames are to be read, until the next call for that window.
    [[nodiscard]] const std::byte* show(std::span<const xen_pfn_t> frames,
                                        std::optional<Mapping>& window);
    void hand_over(const image::PageId& page, const std::byte* contents, const Sink& sink);

    Handles& handles_;
    Stopwatch& stopwatch_;
    DomainId id_;
    xen_pfn_t shared_info_ = 0;
    // As of the last call of pages():
    GuestP2m p2m_;
    FrameMap map_;
    std::uint64_t owned_ = 0;
    std::vector<std::uint64_t> p2m_pages_;         // PFNs, in order; image::no_page for holes
    std::vector<std::uint64_t> p2m_pages_sorted_;  // without those
    Page translated_{};
    bool holds_ = false;
    std::list<Mapping> mappings_;  // that are held
    std::vector<Held> held_;       // by PFN
};

}  // namespace xcl::xen
