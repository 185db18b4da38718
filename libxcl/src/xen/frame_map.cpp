// SPDX-License-Identifier: BSD-3-Clause
// Turns a p2m round.
#include "xen/frame_map.hpp"

#include <algorithm>
#include <iterator>

namespace xcl::xen {

FrameMap::FrameMap(std::span<const std::uint64_t> frames) {
    for (std::uint64_t pfn = 0; pfn < frames.size(); ++pfn) {
        const std::uint64_t frame = frames[pfn];
        if (frame == no_frame)
            continue;
        if (!runs_.empty() && runs_.back().frame + runs_.back().count == frame &&
            runs_.back().pfn + runs_.back().count == pfn)
            ++runs_.back().count;
        else
            runs_.push_back({frame, pfn, 1});
    }
    std::ranges::sort(runs_, {}, &Run::frame);
    const auto overlap = std::ranges::adjacent_find(
        runs_, [](const Run& run, const Run& next) { return next.frame < run.frame + run.count; });
    if (overlap != runs_.end())
        shared_page_ = std::next(overlap)->pfn;
}

std::optional<std::uint64_t> FrameMap::pfn_of(std::uint64_t frame) const {
    const auto in = [&](const Run& run) { return frame - run.frame < run.count; };
    if (last_run_ >= runs_.size() || !in(runs_[last_run_])) {
        const auto above = std::ranges::upper_bound(runs_, frame, {}, &Run::frame);
        if (above == runs_.begin() || !in(*std::prev(above)))
            return std::nullopt;
        last_run_ = static_cast<std::size_t>(std::prev(above) - runs_.begin());
    }
    const Run& run = runs_[last_run_];
    return run.pfn + (frame - run.frame);
}

}  // namespace xcl::xen
