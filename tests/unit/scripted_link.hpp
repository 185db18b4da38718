// SPDX-License-Identifier: BSD-3-Clause
// ScriptedLink: the other side says what was written down before, whatever it hears, and closes.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "image/checksum.hpp"
#include "image/encoding.hpp"
#include "wire/messages.hpp"
#include "wire/stream.hpp"
#include "xcl/link.hpp"

namespace xcl::test {

class ScriptedLink final : public Link {
  public:
    // `step`: no read gives more bytes.
    explicit ScriptedLink(std::vector<std::byte> script,
                          std::size_t step = std::numeric_limits<std::size_t>::max())
        : script_(std::move(script)), step_(step) {}

    void write(std::span<const std::span<const std::byte>> parts) override {
        for (const auto part : parts)
            written.insert(written.end(), part.begin(), part.end());
    }
    std::size_t read(std::span<std::byte> into) override {
        const std::size_t read = std::min({into.size(), step_, script_.size() - said});
        std::copy_n(script_.begin() + static_cast<std::ptrdiff_t>(said), read, into.begin());
        rooms.emplace_back(said, into.size());
        said += read;
        return read;
    }
    void set_deadline(Clock::time_point /*deadline*/) override {}
    const std::string& peer() const override { return peer_; }

    std::vector<std::byte> written;
    std::size_t said = 0;  // bytes of the script that were read
    // Of each read: the bytes that had come before it, and how many it had room for.
    std::vector<std::pair<std::size_t, std::size_t>> rooms;

  private:
    std::vector<std::byte> script_;
    std::size_t step_;
    std::string peer_ = "there";
};

// What `send` puts on the wire.
template <typename Send>
std::vector<std::byte> sent_by(const Send& send) {
    ScriptedLink link({});
    wire::Stream stream(link, {});
    send(stream);
    return link.written;
}

// A message whose checksum fits, whatever it says.
inline std::vector<std::byte> message_of(std::uint32_t type, image::Bytes payload) {
    image::Encoder message;
    message.number(type);
    message.number(static_cast<std::uint32_t>(payload.size()));
    message.raw(payload);
    const image::Checksum checksum = image::checksum_of(image::Bytes(message.bytes()));
    message.raw(checksum);
    return message.bytes();
}

inline std::vector<std::byte> message_of(wire::MessageType type, image::Bytes payload) {
    return message_of(static_cast<std::uint32_t>(type), payload);
}

}  // namespace xcl::test
