// SPDX-License-Identifier: BSD-3-Clause
// Stream: a Link as the source and the sink of an image and of the messages around it.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "image/bytes.hpp"
#include "xcl/link.hpp"

namespace xcl::wire {

// Each way fails once the other side has been silent for that long.
class Stream final : public image::ByteSource, public image::ByteSink {
  public:
    Stream(Link& link, std::chrono::milliseconds patience) : link_(link), patience_(patience) {}

    void write(std::span<const image::Bytes> parts) override;
    // Then nobody is waited for long any more: the other side may have left a last word.
    [[nodiscard]] bool write_failed() const { return write_failed_; }

    // Fewer bytes only where the other side closed.
    [[nodiscard]] image::Bytes take(std::size_t count) override;
    [[nodiscard]] std::optional<std::uint64_t> remaining() const override { return std::nullopt; }

    [[nodiscard]] const std::string& peer() const { return link_.peer(); }
    [[nodiscard]] std::uint64_t bytes_written() const { return written_; }

  private:
    void read_more(std::size_t wanted);

    Link& link_;
    std::chrono::milliseconds patience_;
    std::vector<std::byte> buffer_;
    std::size_t begin_ = 0;  // of what is in the buffer and was not taken
    std::size_t end_ = 0;
    std::uint64_t written_ = 0;
    bool write_failed_ = false;
};

}  // namespace xcl::wire
