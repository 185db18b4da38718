// SPDX-License-Identifier: BSD-3-Clause
// Messages of a migration: each says what it said when it comes whole, and is refused in one line
// when it does not. And what a stream of them costs.
#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/utf8.hpp"
#include "failure_of.hpp"
#include "image/format.hpp"
#include "image_samples.hpp"
#include "link_pair.hpp"
#include "scripted_link.hpp"

namespace xcl::wire {
namespace {

using image::Encoder;
using test::ByteVector;
using test::failure_of;
using test::LinkPair;
using test::message_of;
using test::ScriptedLink;
using test::sent_by;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr Uuid token{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
constexpr std::string_view no_protocol = "it does not speak the protocol of migrations";

std::vector<image::Checksum> some_contents(std::size_t count) {
    std::vector<image::Checksum> contents(count);
    for (std::size_t i = 0; i < count; ++i)
        contents[i].fill(static_cast<std::byte>(i + 1));
    return contents;
}

// One message, and who waits for it. `receive` tells whether it says what was sent.
struct Kind {
    const char* name;
    MessageType type;
    std::function<void(Stream&)> send;
    std::function<bool(Stream&)> receive;
};

bool receives_opening(Stream& stream, MessageType type, const std::string& switch_name) {
    const Opening opening = receive_opening(stream);
    return opening.type == type && opening.guest == token && opening.switch_name == switch_name;
}

template <typename Receive>
std::function<bool(Stream&)> receives(Receive receive) {
    return [receive](Stream& stream) {
        receive(stream);
        return true;
    };
}

const std::vector<bool> some_known{true, false, true, true, false, false, false, true, false, true};

const std::vector<Kind>& kinds() {
    static const std::vector<Kind> all{
        {"offer", MessageType::offer,
         [](Stream& stream) {
             send(stream, {.type = MessageType::offer, .guest = token, .switch_name = "xenbr1"});
         },
         [](Stream& stream) { return receives_opening(stream, MessageType::offer, "xenbr1"); }},
        {"question", MessageType::question,
         [](Stream& stream) {
             send(stream, {.type = MessageType::question, .guest = token, .switch_name = {}});
         },
         [](Stream& stream) { return receives_opening(stream, MessageType::question, ""); }},
        {"ready", MessageType::ready,
         [](Stream& stream) { send(stream, Ready{.knows_contents = true}); },
         [](Stream& stream) { return receive_ready(stream).knows_contents; }},
        {"contents", MessageType::contents,
         [](Stream& stream) { send_contents(stream, some_contents(3)); },
         [](Stream& stream) { return receive_contents(stream) == some_contents(3); }},
        {"known", MessageType::known, [](Stream& stream) { send_known(stream, some_known); },
         [](Stream& stream) { return receive_known(stream, some_known.size()) == some_known; }},
        {"prepared", MessageType::prepared, send_prepared, receives(receive_prepared)},
        {"restored", MessageType::restored, send_restored, receives(receive_restored)},
        {"go", MessageType::go, send_go, receives(receive_go)},
        {"running", MessageType::running,
         [](Stream& stream) { send(stream, Running{.id = DomainId(258)}); },
         [](Stream& stream) {
             return std::get<Running>(receive_outcome(stream)).id == DomainId(258);
         }},
        {"answer", MessageType::answer,
         [](Stream& stream) {
             send(stream, Answer{.kind = Answer::Kind::runs, .id = DomainId(7)});
         },
         [](Stream& stream) {
             const Answer answer = receive_answer(stream);
             return answer.kind == Answer::Kind::runs && answer.id == DomainId(7);
         }},
    };
    return all;
}

const Kind& kind_of(MessageType type) {
    return *std::ranges::find(kinds(), type, &Kind::type);
}

// One line for a terminal, of bounded length, that names the other side.
void expect_clear(const Failure& failure) {
    EXPECT_THAT(failure.problem, StartsWith("there: "));
    EXPECT_GT(failure.problem.size(), std::string("there: ").size());
    for (const std::string& text : {failure.problem, failure.hint}) {
        EXPECT_TRUE(text.empty() || config::is_plain_text(text)) << text;
        EXPECT_LE(text.size(), 4 * longest_text + 100);
    }
}

Failure failure_with(const Kind& kind, ByteVector bytes) {
    ScriptedLink link(std::move(bytes));
    Stream stream(link, {});
    const Failure failure = failure_of([&] { static_cast<void>(kind.receive(stream)); });
    expect_clear(failure);
    return failure;
}

std::string refusal_of(const Kind& kind, ByteVector bytes) {
    return failure_with(kind, std::move(bytes)).problem;
}

std::string refusal_of(MessageType type, const Encoder& payload) {
    Encoder copy = payload;
    return refusal_of(kind_of(type), message_of(type, copy.bytes()));
}

TEST(WireMessages, EachSurvivesTheTrip) {
    LinkPair links;
    const auto here = links.source();
    const auto there = links.destination();
    Stream sender(*here, {});
    Stream receiver(*there, {});
    for (const Kind& kind : kinds()) {
        kind.send(sender);
        EXPECT_TRUE(kind.receive(receiver)) << kind.name;
    }
    EXPECT_EQ(sender.bytes_written(), links.carried(test::Way::there));
    for (const auto& one : {Answer{.kind = Answer::Kind::is_not_here},
                            Answer{.kind = Answer::Kind::still_receives}}) {
        send(sender, one);
        EXPECT_EQ(receive_answer(receiver).kind, one.kind);
    }
    send(sender, Ready{});
    EXPECT_FALSE(receive_ready(receiver).knows_contents);
    send_contents(sender, {});
    EXPECT_THAT(receive_contents(receiver), IsEmpty());
    send_known(sender, {});
    EXPECT_THAT(receive_known(receiver, 0), IsEmpty());
    send_contents(sender, some_contents(most_contents));
    EXPECT_EQ(receive_contents(receiver), some_contents(most_contents));
    send_known(sender, std::vector<bool>(most_contents, true));
    EXPECT_EQ(receive_known(receiver, most_contents), std::vector<bool>(most_contents, true));
    send(sender, Refusal{.problem = "no memory", .hint = "buy some"});
    const auto outcome = receive_outcome(receiver);
    ASSERT_TRUE(std::holds_alternative<Refusal>(outcome));
    EXPECT_EQ(std::get<Refusal>(outcome).problem, "no memory");
    EXPECT_EQ(std::get<Refusal>(outcome).hint, "buy some");
}

TEST(WireMessages, ComeInPiecesAsWell) {
    for (const Kind& kind : kinds()) {
        ScriptedLink link(sent_by(kind.send), 1);
        Stream stream(link, {});
        EXPECT_TRUE(kind.receive(stream)) << kind.name;
    }
}

TEST(WireMessages, TruncatedAtAnyByteIsRefused) {
    for (const Kind& kind : kinds()) {
        const ByteVector whole = sent_by(kind.send);
        for (std::size_t size = 0; size < whole.size(); ++size)
            EXPECT_THAT(refusal_of(kind, {whole.begin(),
                                          whole.begin() + static_cast<std::ptrdiff_t>(size)}),
                        HasSubstr("it closed the connection"))
                << kind.name << ", byte " << size;
    }
}

TEST(WireMessages, AlteredInAnyByteIsRefused) {
    for (const Kind& kind : kinds()) {
        const ByteVector whole = sent_by(kind.send);
        for (std::size_t at = 0; at < whole.size(); ++at)
            for (const std::byte change : {std::byte{1}, std::byte{0x80}, std::byte{0xff}}) {
                SCOPED_TRACE(testing::Message() << kind.name << ", byte " << at);
                ByteVector altered = whole;
                altered[at] ^= change;
                const std::string refusal = refusal_of(kind, altered);
                if (at >= 8) {
                    EXPECT_THAT(refusal, HasSubstr("the checksum of "));
                }
            }
    }
}

TEST(WireMessages, UnknownTypeIsNoProtocol) {
    for (const Kind& kind : kinds())
        for (const std::uint32_t type : {0U, 12U, 0xffffffffU})
            EXPECT_THAT(refusal_of(kind, message_of(type, {})), HasSubstr(no_protocol))
                << kind.name << ", type " << type;
}

TEST(WireMessages, WrongLengthMakesNoSense) {
    for (const Kind& kind : kinds()) {
        const ByteVector whole = sent_by(kind.send);
        ByteVector payload(whole.begin() + 8,
                           whole.end() - static_cast<std::ptrdiff_t>(image::checksum_bytes));
        payload.push_back(std::byte{0});
        EXPECT_THAT(refusal_of(kind, message_of(kind.type, payload)), HasSubstr("makes no sense"))
            << kind.name;
        if (payload.size() < 2)
            continue;
        payload.resize(payload.size() - 2);
        EXPECT_THAT(refusal_of(kind, message_of(kind.type, payload)), HasSubstr("makes no sense"))
            << kind.name;
    }
}

TEST(WireMessages, LengthBeyondAnyOfItsKindIsRefusedAtOnce) {
    for (const Kind& kind : kinds()) {
        Encoder head;
        head.number(static_cast<std::uint32_t>(kind.type));
        head.number(std::uint32_t{(16 << 16) + 1});
        const Failure failure = failure_with(kind, head.bytes());
        EXPECT_THAT(failure.problem, HasSubstr("has 1048577 bytes, more than")) << kind.name;
        EXPECT_THAT(failure.hint, IsEmpty());
    }
    EXPECT_THAT(
        refusal_of(kind_of(MessageType::contents), sent_by([](Stream& stream) {
                       send_contents(stream, some_contents(most_contents + 1));
                   })),
        HasSubstr("a list of contents of it has 1048592 bytes, more than the 1048576 of any"));
}

TEST(WireMessages, AnotherMessageIsRefusedByBothNames) {
    for (const Kind& sent : kinds())
        for (const Kind& wanted : kinds()) {
            const bool both_open =
                sent.type <= MessageType::question && wanted.type <= MessageType::question;
            if (sent.type != wanted.type && !both_open) {
                EXPECT_THAT(refusal_of(wanted, sent_by(sent.send)),
                            AnyOf(HasSubstr(" instead of "), HasSubstr("it began with ")))
                    << sent.name << " for " << wanted.name;
            }
        }
}

ByteVector opening_of_version(std::uint32_t version, const ByteVector& rest) {
    Encoder payload;
    payload.raw(std::as_bytes(std::span(magic)));
    payload.number(version);
    payload.raw(rest);
    return message_of(MessageType::offer, payload.bytes());
}

TEST(WireMessages, OpeningOfAnotherVersionNamesBoth) {
    const std::size_t longest = 4096 - magic.size() - 4;
    for (const std::uint32_t version : {0U, 2U, 0xffffffffU})
        for (const std::size_t length : {std::size_t{0}, std::size_t{1}, std::size_t{17},
                                         std::size_t{18}, std::size_t{19}, longest}) {
            const Failure failure =
                failure_with(kind_of(MessageType::offer),
                             opening_of_version(version, ByteVector(length, std::byte{'x'})));
            EXPECT_EQ(failure.problem, "there: it speaks version " + std::to_string(version) +
                                           " of the protocol, and this program version 1");
            EXPECT_THAT(failure.hint, HasSubstr("the same version of cosmos"));
        }
}

TEST(WireMessages, OpeningOfAnotherProtocolIsRefused) {
    ByteVector bytes = opening_of_version(protocol_version, {});
    for (std::size_t at = 0; at < magic.size(); ++at) {
        ByteVector payload(bytes.begin() + 8, bytes.begin() + 8 + magic.size() + 4);
        payload[at] ^= std::byte{1};
        EXPECT_THAT(
            refusal_of(kind_of(MessageType::offer), message_of(MessageType::offer, payload)),
            HasSubstr(no_protocol));
    }
}

TEST(WireMessages, GreetingOfAShellGivesTheHint) {
    for (const Kind& kind : kinds())
        for (const std::string text :
             {"Last login: Thu Nov 26 17:00:05 2026\n", "\x1b[2J\x1b[31mhello",
              "bash: cosmos: command not found", "\r\n\r\n\r\n\r\n\r\n"}) {
            const auto bytes = std::as_bytes(std::span(text));
            const Failure failure = failure_with(kind, {bytes.begin(), bytes.end()});
            EXPECT_THAT(failure.problem, HasSubstr(no_protocol));
            EXPECT_THAT(failure.hint, HasSubstr("does the shell there print nothing else?"));
            if (text.front() == 'L') {
                EXPECT_THAT(failure.problem, HasSubstr("it begins with \"Last log\""));
            }
        }
}

TEST(WireMessages, TextsOfARefusalArriveHarmless) {
    const std::string every_kind{"\x1b]0;title\a \r\n\0\x7f \xc2\x9b \xff\xfe \xe2\x82 \xc3\xa4",
                                 34};
    const std::string longer(std::size_t{64} << 10, '\n');
    for (const std::string& text : {every_kind, longer, std::string(5000, '\xff'), std::string()})
        for (const Kind& kind : kinds()) {
            if (kind.type <= MessageType::question)
                continue;  // of which there is no refusal
            const ByteVector bytes = sent_by(
                [&](Stream& stream) { send(stream, Refusal{.problem = text, .hint = text}); });
            if (kind.type != MessageType::running) {
                EXPECT_THAT(refusal_of(kind, bytes), Not(HasSubstr("instead of"))) << kind.name;
                continue;
            }
            ScriptedLink link(bytes);
            Stream stream(link, {});
            const auto refusal = std::get<Refusal>(receive_outcome(stream));
            expect_clear({.problem = "there: " + refusal.problem, .hint = refusal.hint});
        }
    const Failure failure =
        failure_with(kind_of(MessageType::ready), sent_by([&](Stream& stream) {
                         send(stream, Refusal{.problem = every_kind, .hint = "\xc3\xa4 \n"});
                     }));
    EXPECT_THAT(failure.problem, StartsWith("there: \\x1b]0;title\\x07 \\x0d\\x0a\\x00\\x7f "));
    EXPECT_EQ(failure.hint, "\xc3\xa4 \\x0a");
}

// Not cut by who sends it.
TEST(WireMessages, RefusalMayNotBeLongerThanAny) {
    const std::string text(std::size_t{64} << 10, 'x');
    Encoder payload;
    payload.raw(std::as_bytes(std::span(text)));
    EXPECT_THAT(
        refusal_of(kind_of(MessageType::ready), message_of(MessageType::refusal, payload.bytes())),
        HasSubstr("a refusal of it has 65536 bytes, more than the 8196 of any"));
    Encoder one_text;  // all of it in the first one
    one_text.text(std::string_view(text).substr(0, 8192));
    one_text.text("");
    const std::string refusal =
        refusal_of(kind_of(MessageType::ready), message_of(MessageType::refusal, one_text.bytes()));
    EXPECT_EQ(refusal.size(), std::string("there: ").size() + longest_text);
}

TEST(WireMessages, GuestHasAnIdThatAGuestMayHave) {
    constexpr std::uint16_t last = DomainId::first_reserved - 1;
    for (const std::uint16_t id : {std::uint16_t{1}, last}) {
        ScriptedLink link(sent_by([&](Stream& s) { send(s, Running{.id = DomainId(id)}); }));
        Stream stream(link, {});
        EXPECT_EQ(std::get<Running>(receive_outcome(stream)).id, DomainId(id));
    }
    for (const std::uint16_t id :
         {std::uint16_t{0}, DomainId::first_reserved, std::uint16_t{0xffff}}) {
        Encoder running;
        running.number(id);
        Encoder answer;
        answer.number(static_cast<std::uint8_t>(Answer::Kind::runs));
        answer.number(id);
        const std::string reason = "makes no sense: no guest has the id " + std::to_string(id);
        EXPECT_THAT(refusal_of(MessageType::running, running), HasSubstr(reason));
        EXPECT_THAT(refusal_of(MessageType::answer, answer), HasSubstr(reason));
    }
}

TEST(WireMessages, AnswersAreThoseThereAre) {
    Encoder unknown;
    unknown.number(std::uint8_t{3});
    unknown.number(std::uint16_t{1});
    EXPECT_THAT(refusal_of(MessageType::answer, unknown), HasSubstr("makes no sense"));
    Encoder nowhere;
    nowhere.number(static_cast<std::uint8_t>(Answer::Kind::is_not_here));
    nowhere.number(std::uint16_t{1});
    EXPECT_THAT(refusal_of(MessageType::answer, nowhere), HasSubstr("makes no sense"));
    Encoder ready;
    ready.number(std::uint8_t{2});
    EXPECT_THAT(refusal_of(MessageType::ready, ready), HasSubstr("makes no sense"));
}

TEST(WireMessages, KnownHasABitForEachOfTheContentsAndNoMore) {
    const auto known = [](std::size_t count, std::vector<std::uint8_t> bits) {
        ScriptedLink link(message_of(MessageType::known, std::as_bytes(std::span(bits))));
        Stream stream(link, {});
        return failure_of([&] { static_cast<void>(receive_known(stream, count)); }).problem;
    };
    EXPECT_THAT(known(9, {0xff}), HasSubstr("shorter than what it holds"));
    EXPECT_THAT(known(1, {}), HasSubstr("shorter than what it holds"));
    EXPECT_THAT(known(8, {0xff, 0}), HasSubstr("longer than what it holds"));
    EXPECT_THAT(known(0, {1}), HasSubstr("longer than what it holds"));
    EXPECT_THAT(known(9, {0xff, 2}), HasSubstr("that it was not asked for"));
    EXPECT_THAT(known(1, {0x81}), HasSubstr("that it was not asked for"));
}

TEST(WireMessages, SwitchOfAnOfferIsTheNameOfOne) {
    for (const std::string name :
         {"a/b", "..", "a b", "\x1b[2J", "auto", "longer-than-fifteen-bytes", "\xff"}) {
        const std::string refusal = refusal_of(
            kind_of(MessageType::offer), sent_by([&](Stream& stream) {
                send(stream, {.type = MessageType::offer, .guest = token, .switch_name = name});
            }));
        EXPECT_THAT(refusal, HasSubstr("its opening makes no sense: no switch has the name '"));
    }
}

// What a read may have room for once so many bytes have come.
constexpr std::size_t room_after(std::size_t came) {
    return std::max(std::size_t{160} << 10, came);
}

TEST(WireStream, LengthThatLiesGetsNoMemoryBeforeItsBytesAreThere) {
    for (const std::size_t came : {std::size_t{0}, std::size_t{1000}, std::size_t{3} << 20}) {
        ScriptedLink link(ByteVector(came, std::byte{7}), 100'000);
        Stream stream(link, {});
        EXPECT_EQ(stream.take(std::size_t{1} << 40).size(), came);
        for (const auto& [before, room] : link.rooms)
            EXPECT_LE(room, room_after(before)) << "after " << before << " bytes";
    }
}

TEST(WireStream, TakesWhatIsAskedForAcrossReads) {
    ByteVector bytes(std::size_t{1} << 20);
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::byte>(i * 31 >> 3);
    for (const std::size_t step : {std::size_t{1} << 20, std::size_t{4096}, std::size_t{999}}) {
        ScriptedLink link(bytes, step);
        Stream stream(link, {});
        std::size_t taken = 0;
        for (std::size_t count = 0; taken + count <= bytes.size(); count = count * 3 / 2 + 1) {
            const image::Bytes part = stream.take(count);
            ASSERT_EQ(part.size(), count);
            ASSERT_TRUE(std::ranges::equal(part, image::Bytes(bytes).subspan(taken, count)));
            taken += count;
        }
        EXPECT_EQ(stream.take(bytes.size()).size(), bytes.size() - taken);
        EXPECT_THAT(stream.take(1), IsEmpty());
    }
}

}  // namespace
}  // namespace xcl::wire
