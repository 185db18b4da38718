// SPDX-License-Identifier: BSD-3-Clause
// The frame list: where the p2m lies, in machine frames.
#include "frame_list.hpp"

namespace guest {

namespace {

constexpr std::size_t frames_a_page = page_bytes / sizeof(xen_pfn_t);

constexpr std::size_t pages_for(std::size_t frames) {
    return (frames + frames_a_page - 1) / frames_a_page;
}

}  // namespace

FrameList::FrameList(Memory& memory)
    : memory_(&memory),
      top_(static_cast<xen_pfn_t*>(
          memory.take_pages(1 + pages_for(pages_for(memory.machine_frames().size()))))) {}

void FrameList::publish(shared_info& shared) {
    if (!complete())
        return;
    const std::span<const xen_pfn_t> p2m = memory_->machine_frames();
    xen_pfn_t* const list = top_ + frames_a_page;
    for (std::size_t page = 0; page < pages_for(p2m.size()); ++page) {
        list[page] = memory_->machine_frame(&p2m[page * frames_a_page]);
        if (page % frames_a_page == 0)
            top_[page / frames_a_page] = memory_->machine_frame(&list[page]);
    }
    shared.arch.max_pfn = p2m.size();
    shared.arch.pfn_to_mfn_frame_list_list = memory_->machine_frame(top_);
}

}  // namespace guest
