// SPDX-License-Identifier: BSD-3-Clause
// The messages of a migration, between which an image travels from the source to the destination.
//
//   source                              destination
//   offer, the image's beginning   →
//                                  ←    ready, or refusal
//   contents                       →               only if `ready` says that it knows some
//                                  ←    known
//   pages, round after round       →               the guest runs all the while
//   a mark                         →
//                                  ←    prepared   it has all that, and the vifs are on their
//                                  switches
//   (it suspends)
//   the rest of the image          →
//                                  ←    restored   it waits
//   go                             →               from here on the guest is the destination's
//                                  ←    running
//
// A guest whose memory libxenguest saves has no contents, pages and mark: "prepared" comes right
// after "ready".
//
// A refusal may come instead of any word of the destination's. Until it sends "go" the guest is the
// source's, and the destination never starts one without it. Whether "go" arrived the source knows
// from "running" only, and may ask in another connection: question →, ← answer.
//
// A message is u32 type, u32 length, payload, and the checksum of these, little-endian.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "image/checksum.hpp"
#include "wire/stream.hpp"
#include "xcl/domain_id.hpp"
#include "xcl/uuid.hpp"

namespace xcl::wire {

inline constexpr std::array<std::uint8_t, 8> magic{0x8d, 'X', 'C', 'L', 'M', 'I', 'G', '\n'};
inline constexpr std::uint32_t protocol_version = 1;

enum class MessageType : std::uint32_t {
    offer = 1,
    question = 2,
    ready = 3,
    refusal = 4,
    contents = 5,
    known = 6,
    prepared = 7,
    restored = 8,
    go = 9,
    running = 10,
    answer = 11,
};

// Of offers and questions, in whatever version: `magic` and u32 version come first in them.
struct Opening {
    MessageType type = MessageType::offer;
    Uuid guest{};             // the token of one guest, which no other has
    std::string switch_name;  // of an offer: where its vifs go; empty: where they were
};

struct Ready {
    bool knows_contents = false;  // ask it which
};

// Why it does not go on. Texts for people.
struct Refusal {
    std::string problem;
    std::string hint;
};

struct Running {
    DomainId id{0};  // of the guest at the destination
};

struct Answer {
    enum class Kind : std::uint8_t { is_not_here, runs, still_receives };
    Kind kind = Kind::is_not_here;
    DomainId id{0};  // if it runs
};

inline constexpr std::size_t most_contents = 65'536;  // in one question; a page's content each
inline constexpr std::size_t longest_text = 4'096;

void send(Stream& stream, const Opening& opening);
void send(Stream& stream, const Ready& ready);
void send(Stream& stream, const Refusal& refusal);
void send(Stream& stream, const Running& running);
void send(Stream& stream, const Answer& answer);
void send_prepared(Stream& stream);
void send_restored(Stream& stream);
void send_go(Stream& stream);
void send_contents(Stream& stream, std::span<const image::Checksum> contents);
// A bit for each of the contents that were asked for.
void send_known(Stream& stream, const std::vector<bool>& known);

// Each throws Error if another message comes, with the reason if that is a refusal; and if none
// comes, or one that was altered.
[[nodiscard]] Opening receive_opening(Stream& stream);
[[nodiscard]] Ready receive_ready(Stream& stream);
[[nodiscard]] std::vector<image::Checksum> receive_contents(Stream& stream);
[[nodiscard]] std::vector<bool> receive_known(Stream& stream, std::size_t count);
void receive_prepared(Stream& stream);
void receive_restored(Stream& stream);
void receive_go(Stream& stream);
// After a write that failed: throws Error with the reason if the other side left a refusal.
void look_for_refusal(Stream& stream);
// What became of "go". A refusal: it was not started, and nothing of it is left there.
[[nodiscard]] std::variant<Running, Refusal> receive_outcome(Stream& stream);
[[nodiscard]] Answer receive_answer(Stream& stream);

}  // namespace xcl::wire
