// SPDX-License-Identifier: BSD-3-Clause
// Writes: pages that the guest writes again and again, for those who measure what a migration
// costs.
#pragma once

#include <string_view>

#include "console.hpp"
#include "events.hpp"
#include "memory.hpp"
#include "time.hpp"

namespace guest {

class Writes {
  public:
    Writes(Memory& memory, Events& events, const Clock& clock, Console& console)
        : memory_(&memory), events_(&events), clock_(&clock), console_(&console) {}
    Writes(const Writes&) = delete;  // the event binding points here
    Writes& operator=(const Writes&) = delete;

    // Writes to so many pages, `count` in decimal digits, every millisecond from now on; none if it
    // is empty. To be done again in each domain that the guest comes to.
    void start(std::string_view count);

  private:
    void write();

    Memory* memory_;
    Events* events_;
    const Clock* clock_;
    Console* console_;
    std::uint64_t* pages_ = nullptr;
    std::uint64_t count_ = 0;
    std::uint64_t turn_ = 0;
};

}  // namespace guest
