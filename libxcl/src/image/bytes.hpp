// SPDX-License-Identifier: BSD-3-Clause
// Where the bytes of an image go to and come from: a file, a socket, memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace xcl::image {

using Bytes = std::span<const std::byte>;

class ByteSink {
  public:
    ByteSink() = default;
    ByteSink(const ByteSink&) = delete;
    ByteSink& operator=(const ByteSink&) = delete;
    virtual ~ByteSink() = default;

    // All of these, one behind the other. Throws Error if that fails.
    virtual void write(std::span<const Bytes> parts) = 0;
};

class ByteSource {
  public:
    ByteSource() = default;
    ByteSource(const ByteSource&) = delete;
    ByteSource& operator=(const ByteSource&) = delete;
    virtual ~ByteSource() = default;

    // The next `count` bytes, fewer only where the source ends; never reads further. Good until
    // the next call. Throws Error if it cannot be read.
    [[nodiscard]] virtual Bytes take(std::size_t count) = 0;

    // How many bytes there are still to come, where that is known.
    [[nodiscard]] virtual std::optional<std::uint64_t> remaining() const = 0;
};

// Bytes in memory. What was taken is good as long as they are.
class MemorySource final : public ByteSource {
  public:
    explicit MemorySource(Bytes bytes) : rest_(bytes) {}

    [[nodiscard]] Bytes take(std::size_t count) override;
    [[nodiscard]] std::optional<std::uint64_t> remaining() const override { return rest_.size(); }

  private:
    Bytes rest_;
};

// Writes to a pipe or socket, which stays the caller's. `name` is for errors.
class DescriptorSink final : public ByteSink {
  public:
    DescriptorSink(int descriptor, std::string name)
        : descriptor_(descriptor), name_(std::move(name)) {}

    void write(std::span<const Bytes> parts) override;

  private:
    int descriptor_;
    std::string name_;
};

// Reads from a pipe or socket, which stays the caller's.
class DescriptorSource final : public ByteSource {
  public:
    DescriptorSource(int descriptor, std::string name)
        : descriptor_(descriptor), name_(std::move(name)) {}

    [[nodiscard]] Bytes take(std::size_t count) override;
    [[nodiscard]] std::optional<std::uint64_t> remaining() const override { return std::nullopt; }

  private:
    int descriptor_;
    std::string name_;
    std::vector<std::byte> buffer_;
};

// writev of all parts; returns 0, or the errno of the write that failed.
[[nodiscard]] int write_all(int descriptor, std::span<const Bytes> parts);

}  // namespace xcl::image
