// SPDX-License-Identifier: BSD-3-Clause
// Clock: nanoseconds since the host booted, read without a hypercall.
#include "time.hpp"

namespace guest {

namespace {

__extension__ using Wide = unsigned __int128;

std::uint64_t read_tsc() {
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    asm volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return std::uint64_t{high} << 32 | low;
}

}  // namespace

std::uint64_t Clock::now_ns() const {
    for (;;) {
        // Odd while Xen writes; changed when it has written meanwhile (xen.h, vcpu_time_info).
        const std::uint32_t version = __atomic_load_n(&shared_->version, __ATOMIC_ACQUIRE);
        const std::uint64_t elapsed = read_tsc() - shared_->tsc_timestamp;
        const std::int8_t shift = shared_->tsc_shift;
        const std::uint64_t ticks = shift >= 0 ? elapsed << shift : elapsed >> -shift;
        const auto passed = static_cast<std::uint64_t>(
            (static_cast<Wide>(ticks) * shared_->tsc_to_system_mul) >> 32);
        const std::uint64_t now = shared_->system_time + passed;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if ((version & 1) == 0 && version == __atomic_load_n(&shared_->version, __ATOMIC_RELAXED))
            return now;
    }
}

}  // namespace guest
