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
    // The machine frame of each PFN, or no_frame.
    explicit FrameMap(std::span<const std::uint64_t> frames);

    // One whose frame another page has, too, if there is any: nobody can tell then by this map
    // which of them a table names. Pages that Linux 3.12 to 3.15 ballooned out all have one frame.
    [[nodiscard]] std::optional<std::uint64_t> shared_page() const { return shared_page_; }

    [[nodiscard]] std::optional<std::uint64_t> pfn_of(std::uint64_t frame) const;

  private:
    // Memory is given out in extents, so a few runs hold all of it.
    struct Run {
        std::uint64_t frame = 0;
        std::uint64_t pfn = 0;
        std::uint64_t count = 0;
    };

    std::vector<Run> runs_;  // frames ascending
    std::optional<std::uint64_t> shared_page_;
    mutable std::size_t last_run_ = 0;  // neighbours in a table mostly are neighbours in memory
};

}  // namespace xcl::xen
