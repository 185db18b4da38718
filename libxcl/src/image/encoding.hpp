// SPDX-License-Identifier: BSD-3-Clause
// Payloads of sections: plain data to bytes and back. What is read is bounded by the bytes there
// are; whether it makes sense is asked by fault_of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "image/bytes.hpp"
#include "image/checksum.hpp"
#include "image/guest_image.hpp"

namespace xcl::image {

// Bytes that are not what they should be; what() is a clause.
class Malformed final : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// Puts values behind one another, little-endian.
class Encoder {
  public:
    template <typename Unsigned>
    void number(Unsigned value) {
        static_assert(std::is_unsigned_v<Unsigned>);
        for (std::size_t i = 0; i < sizeof value; ++i)
            bytes_.push_back(static_cast<std::byte>(value >> (8 * i)));
    }
    void raw(Bytes bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
    // Preceded by its length.
    void blob(Bytes bytes);
    void text(std::string_view text);

    [[nodiscard]] std::vector<std::byte>& bytes() { return bytes_; }

  private:
    std::vector<std::byte> bytes_;
};

// Takes values from the front; throws Malformed where there are not enough bytes.
class Decoder {
  public:
    explicit Decoder(Bytes bytes) : rest_(bytes) {}

    template <typename Unsigned>
    Unsigned number() {
        static_assert(std::is_unsigned_v<Unsigned>);
        const Bytes bytes = raw(sizeof(Unsigned));
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < sizeof(Unsigned); ++i)
            value |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
        return static_cast<Unsigned>(value);
    }
    // A number up to `most`; `what` is a plural for the error: "vCPUs".
    template <typename Unsigned>
    Unsigned number_up_to(std::uint64_t most, std::string_view what) {
        const Unsigned value = number<Unsigned>();
        require_at_most(value, most, what);
        return value;
    }
    // How many items follow, each of at least `least_bytes`.
    template <typename Unsigned>
    std::size_t count(std::uint64_t most, std::size_t least_bytes, std::string_view what) {
        const auto value = number_up_to<Unsigned>(most, what);
        if (value > rest_.size() / least_bytes)
            fail_on_count(value, what);
        return static_cast<std::size_t>(value);
    }
    Bytes raw(std::size_t count);
    std::vector<std::byte> blob(std::size_t most, std::string_view what);
    std::string text();

    // Throws Malformed if anything is left.
    void finish() const;
    [[nodiscard]] std::size_t left() const { return rest_.size(); }

  private:
    static void require_at_most(std::uint64_t value, std::uint64_t most, std::string_view what);
    [[noreturn]] void fail_on_count(std::uint64_t value, std::string_view what) const;

    Bytes rest_;
};

// A page whose contents the reader has, by their checksum.
struct Reference {
    std::uint64_t pfn = 0;
    Checksum contents{};

    friend bool operator==(const Reference&, const Reference&) = default;
};

// A run in the head of a batch, where it may stand for pages without contents.
struct BatchRun {
    PageRun run;
    bool zero = false;
};

[[nodiscard]] std::vector<std::byte> encode(const GuestDescription& guest);
[[nodiscard]] std::vector<std::byte> encode(const PageList& list);
[[nodiscard]] std::vector<std::byte> encode(const MachineState& state);
void encode(const BatchRun& run, Encoder& encoder);
[[nodiscard]] std::vector<std::byte> encode(std::span<const Reference> references);

[[nodiscard]] GuestDescription decode_description(Bytes payload);
[[nodiscard]] PageList decode_list(Bytes payload);
[[nodiscard]] MachineState decode_state(Bytes payload);
[[nodiscard]] BatchRun decode_run(Decoder& decoder);
[[nodiscard]] std::vector<Reference> decode_references(Bytes payload);

// As a guest config writes it: "", "auto", "10.0.0.2/24".
[[nodiscard]] std::string address_text(const VifAddress& address);

}  // namespace xcl::image
