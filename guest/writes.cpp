// SPDX-License-Identifier: BSD-3-Clause
// Writes: pages that the guest writes again and again, for those who measure what a migration
// costs.
#include "writes.hpp"

#include "command_line.hpp"
#include "hypercall.hpp"

namespace guest {

namespace {
constexpr std::uint64_t every_ns = 1'000'000;
constexpr std::uint64_t most = 100;  // of the pages that a builder maps in any case
}  // namespace

void Writes::start(std::string_view count) {
    if (count.empty())
        return;
    if (pages_ == nullptr) {
        count_ = number_up_to(most, count);
        if (count_ != 0)
            pages_ = static_cast<std::uint64_t*>(memory_->take_pages(count_));
        if (pages_ == nullptr) {
            console_->write("writes= knows numbers of pages, 1 to 100\n");
            return;
        }
    }
    evtchn_bind_virq timer{};
    timer.virq = VIRQ_TIMER;
    if (event_channel_op(EVTCHNOP_bind_virq, timer) != 0)
        __builtin_trap();
    events_->bind(
        timer.port, [](void* self) { static_cast<Writes*>(self)->write(); }, this);
}

void Writes::write() {
    ++turn_;
    for (std::uint64_t page = 0; page < count_; ++page)
        pages_[page * (page_bytes / sizeof *pages_)] = turn_ << 8 | page;  // no two alike
    hypercall<__HYPERVISOR_set_timer_op>(clock_->now_ns() + every_ns);
}

}  // namespace guest
