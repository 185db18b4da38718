// SPDX-License-Identifier: BSD-3-Clause
// Stopwatch: adds up where a process spends its time, so that `-t` can tell.
#pragma once

#include <chrono>

#include "xcl/timings.hpp"

namespace xcl {

// Reads no clock unless it runs: the first reading costs a process two page faults.
class Stopwatch {
  public:
    explicit Stopwatch(bool running) noexcept : running_(running) {}

    [[nodiscard]] const Timings& timings() const noexcept { return timings_; }

    // Adds the time from its making to its end to one of the phases.
    class Span {
      public:
        Span(Stopwatch& stopwatch, std::chrono::nanoseconds Timings::*phase) noexcept
            : stopwatch_(stopwatch), phase_(phase) {
            if (stopwatch_.running_)
                start_ = std::chrono::steady_clock::now();
        }
        ~Span() {
            if (stopwatch_.running_)
                stopwatch_.timings_.*phase_ += std::chrono::steady_clock::now() - start_;
        }
        Span(const Span&) = delete;
        Span& operator=(const Span&) = delete;

      private:
        Stopwatch& stopwatch_;
        std::chrono::nanoseconds Timings::*phase_;
        std::chrono::steady_clock::time_point start_;
    };

    [[nodiscard]] Span hypervisor() noexcept { return {*this, &Timings::hypervisor}; }
    [[nodiscard]] Span store() noexcept { return {*this, &Timings::store}; }
    [[nodiscard]] Span network() noexcept { return {*this, &Timings::network}; }

  private:
    bool running_;
    Timings timings_;
};

}  // namespace xcl
