// SPDX-License-Identifier: BSD-3-Clause
// XenRestoredMemory: fills a domain from an image.
#pragma once

#include "core/stopwatch.hpp"
#include "image/guest_image.hpp"
#include "ports/hypervisor.hpp"
#include "xen/domain_memory.hpp"
#include "xen/handles.hpp"

namespace xcl::xen {

class XenRestoredMemory final : public RestoredMemory {
  public:
    // Gives the domain its memory. `handles` and `stopwatch` outlive it.
    XenRestoredMemory(Handles& handles, Stopwatch& stopwatch, DomainId id, std::uint64_t pfn_end,
                      std::span<const std::uint64_t> owned);

    void write(std::span<const image::PageId> pages, std::span<const std::byte> bytes) override;
    void clear() override;
    RingFrames finish(const image::MachineState& state, std::span<const image::PageId> pages,
                      EventPort store_port, std::optional<EventPort> console_port) override;

  private:
    struct Ports {
        EventPort store = 0;
        std::optional<EventPort> console;
    };

    void require_in_order(const image::MachineState& state,
                          std::span<const image::PageId> pages) const;
    [[nodiscard]] bool is_owned(std::uint64_t pfn) const;
    [[nodiscard]] xen_pfn_t frame_of(std::uint64_t pfn, std::string_view what) const;
    void fill(const image::PageId& page, const std::byte* contents, std::byte* to) const;
    void clear_the_rest(const image::MachineState& state, std::span<const image::PageId> pages);
    void fill_own_pages(const image::MachineState& state, const RingFrames& rings,
                        const Ports& ports);

    // What is known of the contents of a page.
    enum class Written : std::uint8_t { never, data, table };

    Handles& handles_;
    Stopwatch& stopwatch_;
    DomainId id_;
    FrameList frames_;  // by PFN
    std::vector<Written> written_;
    bool cleared_ = false;  // what was never written is zero already
};

}  // namespace xcl::xen
