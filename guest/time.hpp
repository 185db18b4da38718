// SPDX-License-Identifier: BSD-3-Clause
// Clock: nanoseconds since the host booted, read without a hypercall.
#pragma once

#include "xen.hpp"

namespace guest {

class Clock {
  public:
    explicit Clock(const vcpu_time_info& shared) : shared_(&shared) {}

    // In Xen's system time, which hypercalls take time limits in.
    [[nodiscard]] std::uint64_t now_ns() const;

  private:
    const vcpu_time_info* shared_;
};

}  // namespace guest
