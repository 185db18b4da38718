// SPDX-License-Identifier: BSD-3-Clause
// Puts messages together and takes them apart, believing nothing of what comes.
#include "wire/messages.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "config/diagnostics.hpp"
#include "config/vif_values.hpp"
#include "core/quietly.hpp"
#include "image/encoding.hpp"
#include "image/format.hpp"
#include "xcl/error.hpp"

namespace xcl::wire {
namespace {

using image::Bytes;
using image::checksum_bytes;
using image::Decoder;
using image::Encoder;
using image::Malformed;

constexpr std::size_t head_bytes = 2 * sizeof(std::uint32_t);
constexpr std::size_t longest_opening = 4'096;  // of any version

constexpr std::string_view name_of(MessageType type) {
    switch (type) {
        case MessageType::offer:
            return "an offer";
        case MessageType::question:
            return "a question";
        case MessageType::ready:
            return "'ready'";
        case MessageType::refusal:
            return "a refusal";
        case MessageType::contents:
            return "a list of contents";
        case MessageType::known:
            return "a list of what is known";
        case MessageType::prepared:
            return "'prepared'";
        case MessageType::restored:
            return "'restored'";
        case MessageType::go:
            return "'go'";
        case MessageType::running:
            return "'running'";
        case MessageType::answer:
            return "an answer";
    }
    return {};
}

constexpr std::size_t longest_payload(MessageType type) {
    switch (type) {
        case MessageType::offer:
        case MessageType::question:
            return longest_opening;
        case MessageType::refusal:
            return 2 * (sizeof(std::uint16_t) + longest_text);
        case MessageType::contents:
            return most_contents * checksum_bytes;
        case MessageType::known:
            return most_contents / 8;
        case MessageType::ready:
        case MessageType::prepared:
        case MessageType::restored:
        case MessageType::go:
        case MessageType::running:
        case MessageType::answer:
            break;
    }
    return 16;
}

[[noreturn]] void refuse(const Stream& stream, const std::string& problem, std::string hint = {}) {
    throw Error({.problem = fmt::format("{}: {}", config::printable_origin(stream.peer()), problem),
                 .hint = std::move(hint)});
}

void send(Stream& stream, MessageType type, Bytes payload) {
    Encoder head;
    head.number(static_cast<std::uint32_t>(type));
    head.number(static_cast<std::uint32_t>(payload.size()));
    const std::array<Bytes, 2> summed{head.bytes(), payload};
    const image::Checksum checksum = image::checksum_of(summed);
    const std::array<Bytes, 3> parts{head.bytes(), payload, checksum};
    stream.write(parts);
}

// Whatever comes first may not come from a program of ours at all: a shell's greeting, say.
[[noreturn]] void refuse_stranger(const Stream& stream, Bytes head) {
    std::string text(reinterpret_cast<const char*>(head.data()), head.size());
    if (!std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; }))
        text = "something else";
    refuse(stream,
           fmt::format("it does not speak the protocol of migrations: it begins with \"{}\"", text),
           "is it 'cosmos receive' that runs there, and does the shell there print nothing else?");
}

struct Message {
    MessageType type{};
    std::vector<std::byte> payload;
};

Message receive(Stream& stream) {
    std::array<std::byte, head_bytes> head{};
    const Bytes bytes = stream.take(head.size());
    if (bytes.size() < head.size())
        refuse(stream, "it closed the connection");
    std::ranges::copy(bytes, head.begin());
    Decoder decoder(head);
    const MessageType type{decoder.number<std::uint32_t>()};
    const auto length = decoder.number<std::uint32_t>();
    if (name_of(type).empty())
        refuse_stranger(stream, head);
    if (length > longest_payload(type))
        refuse(stream, fmt::format("{} of it has {} bytes, more than the {} of any", name_of(type),
                                   length, longest_payload(type)));
    const Bytes rest = stream.take(length + checksum_bytes);
    if (rest.size() < length + checksum_bytes)
        refuse(stream, fmt::format("it closed the connection within {}", name_of(type)));
    const Bytes payload = rest.first(length);
    const std::array<Bytes, 2> summed{Bytes(head), payload};
    if (image::checksum_of(summed) != image::to_checksum(rest.subspan(length)))
        refuse(stream, fmt::format("the checksum of {} does not fit", name_of(type)));
    return {.type = type, .payload = {payload.begin(), payload.end()}};
}

// A text of theirs may hold anything.
std::string read_text(Decoder& decoder) {
    return config::printable_origin(decoder.text().substr(0, longest_text));
}

// Calls `decode` on the payload of the message, all of which it has to take.
template <typename Decode>
auto decoded(const Stream& stream, const Message& message, const Decode& decode) {
    try {
        Decoder decoder(message.payload);
        auto value = decode(decoder);
        decoder.finish();
        return value;
    } catch (const Malformed& malformed) {
        refuse(stream,
               fmt::format("{} of it makes no sense: {}", name_of(message.type), malformed.what()));
    }
}

Refusal decode_refusal(Decoder& decoder) {
    Refusal refusal;
    refusal.problem = read_text(decoder);
    if (refusal.problem.empty())
        refusal.problem = "it refused, and gave no reason";
    refusal.hint = read_text(decoder);
    return refusal;
}

void require_type(const Stream& stream, const Message& message, MessageType type) {
    if (message.type != type)
        refuse(stream,
               fmt::format("it sent {} instead of {}", name_of(message.type), name_of(type)));
}

[[noreturn]] void throw_refusal(const Stream& stream, const Message& message) {
    const Refusal refusal = decoded(stream, message, decode_refusal);
    refuse(stream, refusal.problem, refusal.hint);
}

Message expect(Stream& stream, MessageType type) {
    Message message = receive(stream);
    if (message.type == MessageType::refusal)
        throw_refusal(stream, message);
    require_type(stream, message, type);
    return message;
}

void expect_empty(Stream& stream, MessageType type) {
    const Message message = expect(stream, type);
    decoded(stream, message, [](Decoder&) { return 0; });
}

Uuid decode_uuid(Decoder& decoder) {
    Uuid uuid{};
    for (std::uint8_t& byte : uuid)
        byte = decoder.number<std::uint8_t>();
    return uuid;
}

DomainId decode_id(Decoder& decoder) {
    const DomainId id(decoder.number<std::uint16_t>());
    if (id == control_domain || id.value() >= DomainId::first_reserved)
        throw Malformed(fmt::format("no guest has the id {}", id.value()));
    return id;
}

// The sender's wish becomes part of the guest's config, where such a name keeps the same rules.
std::string decode_switch(Decoder& decoder) {
    std::string name = decoder.text();
    try {
        if (name.empty() || config::read_bridge({.text = name, .place = {}}) == name)
            return name;
    } catch (const Error&) {  // NOLINT(bugprone-empty-catch): it speaks of a place in a config
    }
    throw Malformed(fmt::format("no switch has the name {}", config::quoted(name)));
}

}  // namespace

void send(Stream& stream, const Opening& opening) {
    Encoder payload;
    payload.raw(std::as_bytes(std::span(magic)));
    payload.number(protocol_version);
    payload.raw(std::as_bytes(std::span(opening.guest)));
    payload.text(opening.switch_name);
    send(stream, opening.type, payload.bytes());
}

void send(Stream& stream, const Ready& ready) {
    Encoder payload;
    payload.number(static_cast<std::uint8_t>(ready.knows_contents ? 1 : 0));
    send(stream, MessageType::ready, payload.bytes());
}

void send(Stream& stream, const Refusal& refusal) {
    Encoder payload;
    payload.text(std::string_view(refusal.problem).substr(0, longest_text));
    payload.text(std::string_view(refusal.hint).substr(0, longest_text));
    send(stream, MessageType::refusal, payload.bytes());
}

void send(Stream& stream, const Running& running) {
    Encoder payload;
    payload.number(running.id.value());
    send(stream, MessageType::running, payload.bytes());
}

void send(Stream& stream, const Answer& answer) {
    Encoder payload;
    payload.number(static_cast<std::uint8_t>(answer.kind));
    payload.number(answer.id.value());
    send(stream, MessageType::answer, payload.bytes());
}

void send_prepared(Stream& stream) {
    send(stream, MessageType::prepared, {});
}

void send_restored(Stream& stream) {
    send(stream, MessageType::restored, {});
}

void send_go(Stream& stream) {
    send(stream, MessageType::go, {});
}

void send_contents(Stream& stream, std::span<const image::Checksum> contents) {
    send(stream, MessageType::contents, std::as_bytes(contents));
}

void send_known(Stream& stream, const std::vector<bool>& known) {
    std::vector<std::byte> bits((known.size() + 7) / 8);
    for (std::size_t i = 0; i < known.size(); ++i)
        if (known[i])
            bits[i / 8] |= std::byte{1} << (i % 8);
    send(stream, MessageType::known, bits);
}

Opening receive_opening(Stream& stream) {
    const Message message = receive(stream);
    if (message.type != MessageType::offer && message.type != MessageType::question)
        refuse(stream, fmt::format("it began with {}", name_of(message.type)));
    Decoder decoder(message.payload);
    try {
        if (!std::ranges::equal(decoder.raw(magic.size()), std::as_bytes(std::span(magic))))
            refuse(stream, "it does not speak the protocol of migrations");
        if (const auto version = decoder.number<std::uint32_t>(); version != protocol_version)
            refuse(stream,
                   fmt::format("it speaks version {} of the protocol, and this program version {}",
                               version, protocol_version),
                   "install the same version of cosmos on both hosts");
        Opening opening{.type = message.type, .guest = decode_uuid(decoder), .switch_name = {}};
        opening.switch_name = decode_switch(decoder);
        decoder.finish();
        return opening;
    } catch (const Malformed& malformed) {
        refuse(stream, fmt::format("its opening makes no sense: {}", malformed.what()));
    }
}

Ready receive_ready(Stream& stream) {
    const Message message = expect(stream, MessageType::ready);
    return decoded(stream, message, [](Decoder& decoder) {
        return Ready{.knows_contents = decoder.number_up_to<std::uint8_t>(1, "answers") != 0};
    });
}

std::vector<image::Checksum> receive_contents(Stream& stream) {
    const Message message = expect(stream, MessageType::contents);
    return decoded(stream, message, [](Decoder& decoder) {
        std::vector<image::Checksum> contents(decoder.left() / checksum_bytes);
        for (image::Checksum& one : contents)
            one = image::to_checksum(decoder.raw(checksum_bytes));
        return contents;
    });
}

std::vector<bool> receive_known(Stream& stream, std::size_t count) {
    const Message message = expect(stream, MessageType::known);
    return decoded(stream, message, [count](Decoder& decoder) {
        const Bytes bits = decoder.raw((count + 7) / 8);
        std::vector<bool> known(count);
        for (std::size_t i = 0; i < count; ++i)
            known[i] = (bits[i / 8] & (std::byte{1} << (i % 8))) != std::byte{0};
        if (count % 8 != 0 && (bits.back() >> (count % 8)) != std::byte{0})
            throw Malformed("it knows contents that it was not asked for");
        return known;
    });
}

void receive_prepared(Stream& stream) {
    expect_empty(stream, MessageType::prepared);
}

void receive_restored(Stream& stream) {
    expect_empty(stream, MessageType::restored);
}

void receive_go(Stream& stream) {
    expect_empty(stream, MessageType::go);
}

void look_for_refusal(Stream& stream) {
    constexpr unsigned words_before = 2;  // that may have been on their way
    for (unsigned i = 0; i <= words_before; ++i) {
        std::optional<Message> message;
        quietly([&] { message = receive(stream); });
        if (!message)
            return;
        if (message->type == MessageType::refusal)
            throw_refusal(stream, *message);
    }
}

std::variant<Running, Refusal> receive_outcome(Stream& stream) {
    const Message message = receive(stream);
    if (message.type == MessageType::refusal)
        return decoded(stream, message, decode_refusal);
    require_type(stream, message, MessageType::running);
    return decoded(stream, message,
                   [](Decoder& decoder) { return Running{.id = decode_id(decoder)}; });
}

Answer receive_answer(Stream& stream) {
    const Message message = expect(stream, MessageType::answer);
    return decoded(stream, message, [](Decoder& decoder) {
        Answer answer;
        answer.kind = Answer::Kind{decoder.number_up_to<std::uint8_t>(2, "answers")};
        if (answer.kind == Answer::Kind::runs)
            answer.id = decode_id(decoder);
        else if (decoder.number<std::uint16_t>() != 0)
            throw Malformed("it has the id of a guest that does not run");
        return answer;
    });
}

}  // namespace xcl::wire
