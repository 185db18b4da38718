// SPDX-License-Identifier: BSD-3-Clause
// Memory: machine frames to addresses, and the unused pages behind what the builder laid out.
#pragma once

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

    // Where a frame of the guest's own memory is mapped.
    [[nodiscard]] static void* address_of_frame(xen_pfn_t machine_frame);

    // The machine frame of one of the guest's own pages.
    [[nodiscard]] xen_pfn_t machine_frame(const void* page) const;

  private:
    const xen_pfn_t* frames_;  // by page frame number
    std::uint64_t unused_;
    std::uint64_t end_;  // of what is mapped
};

}  // namespace guest
