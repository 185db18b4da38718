// SPDX-License-Identifier: BSD-3-Clause
// FrameMap: which of a guest's pages a machine frame is. Made of the guest's own p2m: Xen's table
// of the whole machine costs 2 ms to map for each GiB that the host has.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace xcl::xen {

// Where the guest has no page.
inline constexpr std::uint64_t no_frame = ~std::uint64_t{0};

class FrameMap {
  public:
    FrameMap() = default;
    // The machine frame of each PFN, or no_frame. Throws Error if two pages have the same one.
    explicit FrameMap(std::span<const std::uint64_t> frames);

    [[nodiscard]] std::optional<std::uint64_t> pfn_of(std::uint64_t frame) const;

  private:
    // Memory is given out in extents, so a few runs hold all of it.
    struct Run {
        std::uint64_t frame = 0;
        std::uint64_t pfn = 0;
        std::uint64_t count = 0;
    };

    std::vector<Run> runs_;             // frames ascending
    mutable std::size_t last_run_ = 0;  // neighbours in a table mostly are neighbours in memory
};

}  // namespace xcl::xen
