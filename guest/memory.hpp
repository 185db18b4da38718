// SPDX-License-Identifier: BSD-3-Clause
// Memory: machine frames to addresses, and the unused pages behind what the builder laid out.
#pragma once

#include <span>

#include "xen.hpp"

namespace guest {

inline constexpr std::uint64_t page_bytes = 4096;

class Memory {
  public:
    // `unused`: the first address behind the stack, page aligned.
    Memory(const start_info& boot, std::uint64_t unused);

    // Pages for good, one behind the other, with whatever is in them; null when too few are left.
    [[nodiscard]] void* take_pages(std::size_t count);

    // Maps a machine address that is no part of the guest's own memory, such as shared_info, in
    // place of an unused page.
    [[nodiscard]] void* map_machine(std::uint64_t machine_address);

    // Does so again, in the place of a page that map_machine gave; and leaves nothing there.
    static void map_machine_at(void* page, std::uint64_t machine_address);
    static void unmap_machine(void* page);

    // Which page of the guest's own memory a machine frame is, and where that is mapped.
    [[nodiscard]] static xen_pfn_t page_frame(xen_pfn_t machine_frame);
    [[nodiscard]] static void* address_of_frame(xen_pfn_t machine_frame);

    // Gives the last pages back to Xen, and lets the p2m name one page that is left in the place of
    // each, as Linux 3.12 to 3.15 does. False for pages that are mapped, and where Xen takes less.
    [[nodiscard]] bool give_back(std::size_t count);

    // The machine frame of one of the guest's own pages.
    [[nodiscard]] xen_pfn_t machine_frame(const void* page) const;

    // The machine frames of all of them, by page frame number (the p2m). They are others in
    // another domain.
    [[nodiscard]] std::span<const xen_pfn_t> machine_frames() const { return frames_; }

  private:
    std::span<xen_pfn_t> frames_;
    std::uint64_t unused_;
    std::uint64_t end_;  // of what is mapped
};

}  // namespace guest
