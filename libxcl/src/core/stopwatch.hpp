// SPDX-License-Identifier: BSD-3-Clause
// Stopwatch: adds up where a process spends its time, so that `-t` can tell.
#pragma once

#include <chrono>

#include "xcl/timings.hpp"

namespace xcl {

// Adds the time from its making to its end to one of the phases.
class Span {
  public:
    explicit Span(std::chrono::nanoseconds& phase) noexcept
        : phase_(phase), start_(std::chrono::steady_clock::now()) {}
    ~Span() { phase_ += std::chrono::steady_clock::now() - start_; }
    Span(const Span&) = delete;
    Span& operator=(const Span&) = delete;

  private:
    std::chrono::nanoseconds& phase_;
    std::chrono::steady_clock::time_point start_;
};

}  // namespace xcl
