// SPDX-License-Identifier: BSD-3-Clause
// Memory: machine frames to addresses, and the unused pages behind what the builder laid out.
#pragma once

#include "xen.hpp"

namespace guest {

inline constexpr std::uint64_t page_bytes = 4096;

class Memory {
  public:
    // `unused`: the first address behind the stack, page aligned.
    explicit Memory(std::uint64_t unused) : unused_(unused) {}

    // Maps a machine address that is no part of the guest's own memory, such as shared_info, in
    // place of an unused page.
    [[nodiscard]] void* map_machine(std::uint64_t machine_address);

    // Where a frame of the guest's own memory is mapped.
    [[nodiscard]] static void* address_of_frame(xen_pfn_t machine_frame);

  private:
    std::uint64_t unused_;
};

}  // namespace guest
