// SPDX-License-Identifier: BSD-3-Clause
// Byte rings in shared pages: two counters that run freely and a power of two of bytes. Console
// and XenStore each have one in either direction.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace guest {

using RingIndex = std::uint32_t;

// Bytes between the counters. A peer that miscounts must not lead us out of the ring.
[[nodiscard]] inline RingIndex ring_used(const RingIndex& produced, const RingIndex& consumed,
                                         std::size_t capacity) {
    const RingIndex used =
        __atomic_load_n(&produced, __ATOMIC_ACQUIRE) - __atomic_load_n(&consumed, __ATOMIC_ACQUIRE);
    return std::min(used, static_cast<RingIndex>(capacity));
}

class RingReader {
  public:
    RingReader(std::span<const char> bytes, const RingIndex& produced, RingIndex& consumed)
        : bytes_(bytes), produced_(&produced), consumed_(&consumed) {}

    [[nodiscard]] std::size_t readable() const {
        return ring_used(*produced_, *consumed_, bytes_.size());
    }

    // Returns how many bytes there were, up to the size of `into`.
    std::size_t read(std::span<char> into) {
        const std::size_t count = std::min(into.size(), readable());
        const RingIndex from = *consumed_;
        for (std::size_t at = 0; at < count; ++at)
            into[at] = bytes_[(from + at) & (bytes_.size() - 1)];
        __atomic_store_n(consumed_, from + static_cast<RingIndex>(count), __ATOMIC_RELEASE);
        return count;
    }

  private:
    std::span<const char> bytes_;
    const RingIndex* produced_;
    RingIndex* consumed_;
};

class RingWriter {
  public:
    RingWriter(std::span<char> bytes, RingIndex& produced, const RingIndex& consumed)
        : bytes_(bytes), produced_(&produced), consumed_(&consumed) {}

    [[nodiscard]] std::size_t room() const {
        return bytes_.size() - ring_used(*produced_, *consumed_, bytes_.size());
    }

    // Returns how many bytes found room.
    std::size_t write(std::span<const char> from) {
        const std::size_t count = std::min(from.size(), room());
        const RingIndex to = *produced_;
        for (std::size_t at = 0; at < count; ++at)
            bytes_[(to + at) & (bytes_.size() - 1)] = from[at];
        __atomic_store_n(produced_, to + static_cast<RingIndex>(count), __ATOMIC_RELEASE);
        return count;
    }

  private:
    std::span<char> bytes_;
    RingIndex* produced_;
    const RingIndex* consumed_;
};

}  // namespace guest
