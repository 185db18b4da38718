// SPDX-License-Identifier: BSD-3-Clause
// A source and a destination that lie. Of the one nothing is left on the host that believed it, to
// the other a guest is lost only once it was told to go.
#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <xen/elfnote.h>

#include "elf_builder.hpp"
#include "failure_of.hpp"
#include "image/encoding.hpp"
#include "image_samples.hpp"
#include "migrating.hpp"
#include "record/label.hpp"
#include "scripted_link.hpp"

namespace xcl::test {
namespace {

using image::Encoder;
using image::ImageWriter;
using image::MemoryForm;
using image::SectionType;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr Uuid some_token{0, 0, 0, 0, 1, 2, 3, 4, 0x80, 5, 0x80, 6, 7, 8, 9, 10};

// What a source says, put together bit by bit.
class Words {
  public:
    Words() : link_({}), stream_(link_, {}), writer_(stream_, "img", MemoryForm::rounds) {
        guest_.description.config.vifs.clear();
        guest_.description.vif_numbers.clear();
    }

    Words& offer() {
        wire::send(stream_,
                   {.type = wire::MessageType::offer, .guest = some_token, .switch_name = {}});
        return said();
    }
    Words& begin() {
        writer_.begin(guest_.description, guest_.pages);
        return said();
    }
    Words& page(std::uint64_t pfn) {
        writer_.page({.pfn = pfn}, page_of(static_cast<unsigned char>(pfn)));
        return said();
    }
    Words& reference(std::uint64_t pfn, const ByteVector& contents) {
        writer_.reference({.pfn = pfn, .contents = image::checksum_of(contents)});
        return said();
    }
    Words& mark() {
        writer_.flush();
        writer_.mark();
        return said();
    }
    Words& end() {
        for (std::size_t i = 0; i < guest_.pages.size(); ++i)
            if (guest_.pages[i].type != image::PageType::data)
                writer_.page(guest_.pages[i], guest_.contents[i]);
        writer_.end(guest_.state, guest_.pages);
        return said();
    }
    Words& go() {
        wire::send_go(stream_);
        return said();
    }
    Words& contents() {
        wire::send_contents(stream_, {});
        return said();
    }
    Words& raw(const ByteVector& bytes) {
        const std::vector<image::Bytes> parts{bytes};
        stream_.write(parts);
        return said();
    }

    [[nodiscard]] const ByteVector& bytes() const { return link_.written; }
    // Where each word ends, as far as it was written at once.
    [[nodiscard]] const std::vector<std::size_t>& edges() const { return edges_; }
    [[nodiscard]] const SampleGuest& guest() const { return guest_; }

  private:
    Words& said() {
        edges_.push_back(link_.written.size());
        return *this;
    }

    SampleGuest guest_ = sample_guest();
    ScriptedLink link_;
    wire::Stream stream_;
    ImageWriter writer_;
    std::vector<std::size_t> edges_;
};

struct GoodWords : Words {
    GoodWords() {
        offer().begin().page(1).page(13).reference(2, page_of(13)).mark().page(3).end().go();
    }
};

struct Reception {
    std::string error;
    std::optional<ReceivedGuest> received;
    bool host_is_as_before = false;
    std::vector<std::string> calls;
    ByteVector replies;
};

Reception reception_of(const ByteVector& words, const wire::KernelPages& kernels = {},
                       std::uint64_t free_pages = 1000) {
    FakeHost host;
    host.network.add_bridge("xenbr0");
    host.hypervisor.free_pages = free_pages;
    const Holdings before = holdings(host);
    ScriptedLink link(words);
    Reception reception;
    try {
        reception.received = verbs::receive(
            host.ports(), link, {.timeout = std::chrono::milliseconds(0)}, kernels, any_name);
    } catch (const Error& error) {
        reception.error = error.what();
    }
    reception.host_is_as_before =
        holdings(host) == before && host.hypervisor.free_pages == free_pages;
    reception.calls = host.hypervisor.calls;
    reception.replies = link.written;
    return reception;
}

// Refused, with the last word a refusal, and nothing left of it. Returns why.
std::string refusal_of_words(const ByteVector& words, const wire::KernelPages& kernels = {}) {
    const Reception reception = reception_of(words, kernels);
    EXPECT_THAT(reception.error, Not(IsEmpty()));
    EXPECT_TRUE(reception.host_is_as_before);
    const std::string told(reinterpret_cast<const char*>(reception.replies.data()),
                           reception.replies.size());
    EXPECT_THAT(told, HasSubstr(reception.error.substr(0, 40)));
    return reception.error;
}

// A section of an image, whose checksum fits.
ByteVector section_of(SectionType type, std::uint32_t number, image::Bytes payload) {
    Encoder section;
    section.number(static_cast<std::uint32_t>(type));
    section.number(number);
    section.number(std::uint64_t{payload.size()});
    section.raw(payload);
    section.raw(image::checksum_of(image::Bytes(section.bytes())));
    return section.bytes();
}

TEST(HostileSource, GoodWordsAreTaken) {
    const Reception reception = reception_of(GoodWords().bytes());
    ASSERT_TRUE(reception.received) << reception.error;
    EXPECT_EQ(reception.received->name, "web");
    EXPECT_FALSE(reception.host_is_as_before);
}

TEST(HostileSource, ReferenceToContentsThatAreNotThereIsRefused) {
    const auto referring_to = [](const ByteVector& contents) {
        return Words().offer().begin().page(1).reference(2, contents).mark().bytes();
    };
    const std::string why = "its page 0x2 is to have contents that are not here";
    EXPECT_THAT(refusal_of_words(referring_to(page_of(9))), HasSubstr(why));
    EXPECT_THAT(refusal_of_words(referring_to(page_of(0))), HasSubstr(why));
    const std::vector<image::Reference> stranger{
        {.pfn = 8, .contents = image::checksum_of(page_of(1))}};
    Words words;
    words.offer().begin().page(1).mark();
    words.raw(section_of(SectionType::references, 4, encode(std::span(stranger))));
    EXPECT_THAT(refusal_of_words(words.bytes()),
                HasSubstr("its page 0x8 is not in the list of pages"));
}

TEST(HostileSource, GoIsNotObeyedBeforeAllIsThere) {
    EXPECT_THAT(refusal_of_words(Words().go().bytes()), HasSubstr("it began with 'go'"));
    for (const ByteVector& words :
         {Words().offer().go().bytes(), Words().offer().begin().go().bytes(),
          Words().offer().begin().mark().go().bytes(),
          Words().offer().begin().page(1).mark().page(3).go().bytes()})
        EXPECT_THAT(refusal_of_words(words), HasSubstr("there: "));
}

TEST(HostileSource, ImageIsOfTheFormThatMigrates) {
    SampleGuest guest = Words().guest();
    Words words;
    words.offer().raw(image_of(guest, MemoryForm::pages)).go();
    EXPECT_THAT(refusal_of_words(words.bytes()), HasSubstr("not in the form that migrates"));
}

TEST(HostileSource, SecondImageIsRefused) {
    const ByteVector image = image_of(Words().guest(), MemoryForm::rounds);
    ASSERT_TRUE(reception_of(Words().offer().raw(image).go().bytes()).received);
    EXPECT_THAT(refusal_of_words(Words().offer().raw(image).raw(image).go().bytes()),
                HasSubstr("it does not speak the protocol"));
    Words within;
    within.offer().begin().mark().raw(image).go();
    EXPECT_THAT(refusal_of_words(within.bytes()), HasSubstr("there: section "));
}

TEST(HostileSource, RepeatedOfferIsRefused) {
    EXPECT_THAT(refusal_of_words(Words().offer().offer().begin().end().go().bytes()),
                HasSubstr("it is no image of a guest"));
    EXPECT_THAT(refusal_of_words(Words().offer().begin().offer().end().go().bytes()),
                HasSubstr("there: section 2 "));
    EXPECT_THAT(refusal_of_words(Words().offer().begin().end().offer().bytes()),
                HasSubstr("it sent an offer instead of 'go'"));
}

TEST(HostileSource, GuestLargerThanTheHostIsRefusedBeforeADomainExists) {
    for (const std::uint64_t pages : {std::uint64_t{1001}, image::max_pages}) {
        image::GuestDescription description = Words().guest().description;
        description.memory_pages = description.pfn_end = pages;
        description.config.memory_mib = (pages + image::pages_per_mib - 1) / image::pages_per_mib;
        const image::PageList list{.runs = {{.first = {.pfn = 0}, .count = pages}}, .count = pages};
        ByteVector header = image_of(Words().guest(), MemoryForm::rounds);
        header.resize(image::header_bytes + image::checksum_bytes);
        Words words;
        words.offer().raw(header);
        words.raw(section_of(SectionType::description, 0, encode(description)));
        words.raw(section_of(SectionType::page_list, 1, encode(list)));
        EXPECT_THAT(refusal_of_words(words.bytes()), HasSubstr("MiB of memory, the host has"));
        EXPECT_THAT(reception_of(words.bytes()).calls, Not(Contains(HasSubstr("create_domain"))));
    }
}

TEST(HostileSource, MarkedPagesAreCounted) {
    Words words;
    words.offer().begin().page(1).mark();
    Encoder mark;
    mark.number(std::uint64_t{7});
    words.raw(section_of(SectionType::mark, 4, mark.bytes()));
    EXPECT_THAT(refusal_of_words(words.bytes()), HasSubstr("does not count the pages before it"));
}

// Which has been asked for none where no kernels are.
TEST(HostileSource, ContentsComeWhereTheyAreAskedForOnly) {
    EXPECT_THAT(refusal_of_words(Words().offer().begin().contents().bytes()), HasSubstr("there: "));
    const ImageFolder folder;
    const std::string text(image::page_size, 'k');
    const Bytes kernel = ElfBuilder{}
                             .load(0, text, text.size())
                             .note_segment(Notes{}.text(XEN_ELFNOTE_GUEST_OS, "Test"))
                             .build();
    std::ofstream(folder.file("kernel"), std::ios::binary)
        .write(reinterpret_cast<const char*>(kernel.data()),
               static_cast<std::streamsize>(kernel.size()));
    wire::KernelPages kernels;
    kernels.add_directory(folder.file(""));
    Words good;
    good.offer().begin().contents().reference(2, page_of('k')).mark().end().go();
    ASSERT_TRUE(reception_of(good.bytes(), kernels).received);
    EXPECT_THAT(refusal_of_words(GoodWords().bytes(), kernels), HasSubstr("there: "));
    EXPECT_THAT(refusal_of_words(Words().offer().begin().contents().contents().bytes(), kernels),
                HasSubstr("there: section 2 "));
}

TEST(HostileSource, GarbageAtAnyStageLeavesNothing) {
    const ByteVector good = GoodWords().bytes();
    std::vector<ByteVector> garbage{{}, page_of(0), page_of(0xff), page_of('x'), page_of('\n')};
    garbage.push_back(good);
    std::vector<std::size_t> stages = GoodWords().edges();
    ASSERT_EQ(stages.back(), good.size());
    stages.pop_back();
    for (std::size_t at = 0; at < good.size(); at += 301)
        stages.push_back(at);
    for (const std::size_t stage : stages)
        for (const ByteVector& rest : garbage) {
            if (stage == 0 && rest == good)
                continue;
            SCOPED_TRACE(testing::Message() << "byte " << stage);
            ByteVector words(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(stage));
            words.insert(words.end(), rest.begin(), rest.end());
            EXPECT_THAT(refusal_of_words(words), HasSubstr("there: "));
        }
}

TEST(HostileSource, AnyByteThatIsAlteredIsFound) {
    const ByteVector good = GoodWords().bytes();
    for (std::size_t at = 0; at < good.size(); at += at < 1000 ? 1 : 13) {
        SCOPED_TRACE(testing::Message() << "byte " << at);
        ByteVector words = good;
        words[at] ^= std::byte{0x10};
        EXPECT_THAT(refusal_of_words(words), HasSubstr("there: "));
    }
}

// What follows "go" is nobody's.
TEST(HostileSource, GuestThatWasToldToGoStays) {
    GoodWords words;
    words.go().offer().raw(page_of(0xff));
    EXPECT_TRUE(reception_of(words.bytes()).received);
}

GuestConfig tiny_guest() {
    GuestConfig config = small_guest();
    config.memory_mib = 1;
    return config;
}

// A source whose guest is sent to a destination that says what it says.
struct Sending {
    explicit Sending(const ByteVector& replies) {
        ScriptedLink link(replies);
        try {
            result = verbs::migrate(hosts.source.ports(), hosts.id, link, {}, any_name);
        } catch (const Error& error) {
            line = error.what();
            hint = error.failure().hint;
        }
        const ByteVector go = sent_by(wire::send_go);
        went = std::search(link.written.begin(), link.written.end(), go.begin(), go.end()) !=
               link.written.end();
    }

    [[nodiscard]] bool in_doubt() {
        const auto guest = hosts.source.hypervisor.info(hosts.id);
        return guest && guest->in_doubt;
    }
    [[nodiscard]] std::optional<DomainId> settle(const ByteVector& replies) {
        ScriptedLink link(replies);
        return verbs::settle(hosts.source.ports(), hosts.id, link, {}, any_name);
    }

    Hosts hosts{tiny_guest()};
    Uuid uuid = hosts.source.hypervisor.domain(hosts.id).uuid;
    std::optional<MigratedGuest> result;
    std::string line;
    std::string hint;
    bool went = false;
};

struct Reply {
    const char* name;
    ByteVector bytes;
};

template <typename What>
ByteVector saying(const What& what) {
    return sent_by([&](wire::Stream& stream) { wire::send(stream, what); });
}

ByteVector ready_knowing(bool contents) {
    return saying(wire::Ready{.knows_contents = contents});
}

// The words of a destination that does what it should, in their order.
std::vector<Reply> good_replies() {
    return {{"ready", ready_knowing(false)},
            {"prepared", sent_by(wire::send_prepared)},
            {"restored", sent_by(wire::send_restored)},
            {"running", saying(wire::Running{.id = DomainId(40)})}};
}

std::vector<Reply> all_replies() {
    std::vector<Reply> replies = good_replies();
    replies.push_back({"nothing", {}});
    replies.push_back({"refusal", saying(wire::Refusal{.problem = "because", .hint = "wait"})});
    replies.push_back({"answer", saying(wire::Answer{})});
    replies.push_back({"known", sent_by([](wire::Stream& stream) { send_known(stream, {}); })});
    replies.push_back({"contents", sent_by([](wire::Stream& s) { send_contents(s, {}); })});
    replies.push_back({"offer", saying(wire::Opening{})});
    replies.push_back({"go", sent_by(wire::send_go)});
    replies.push_back({"zeros", page_of(0)});
    replies.push_back({"text", page_of('x')});
    ByteVector half = sent_by(wire::send_prepared);
    half.resize(half.size() / 2);
    replies.push_back({"half", half});
    return replies;
}

TEST(HostileDestination, GoodRepliesMoveTheGuest) {
    ByteVector replies;
    for (const Reply& reply : good_replies())
        replies.insert(replies.end(), reply.bytes.begin(), reply.bytes.end());
    Sending sending(replies);
    ASSERT_TRUE(sending.result) << sending.line;
    EXPECT_TRUE(sending.went);
    EXPECT_EQ(sending.result->there, DomainId(40));
    EXPECT_TRUE(sending.hosts.is_as_before(sending.hosts.source));
}

TEST(HostileDestination, GuestRunsOnUnlessItWasToldToGo) {
    ByteVector before;
    for (const Reply& right : good_replies()) {
        const bool last = std::string_view(right.name) == "running";
        for (const Reply& wrong : all_replies()) {
            if (wrong.bytes == right.bytes)
                continue;
            SCOPED_TRACE(testing::Message() << wrong.name << " instead of " << right.name);
            ByteVector replies = before;
            replies.insert(replies.end(), wrong.bytes.begin(), wrong.bytes.end());
            Sending sending(replies);
            EXPECT_THAT(sending.line, HasSubstr("there: "));
            EXPECT_EQ(sending.went, last);
            const bool refused = std::string_view(wrong.name) == "refusal";
            EXPECT_EQ(sending.in_doubt(), last && !refused);
            EXPECT_EQ(runs(sending.hosts.source, sending.hosts.id), !last || refused);
            if (refused) {
                EXPECT_THAT(sending.line, HasSubstr("there: because"));
                EXPECT_EQ(sending.hint, "wait");
            }
            if (sending.in_doubt()) {
                EXPECT_THAT(sending.hint, HasSubstr("'cosmos settle 1 HOST'"));
            } else {
                EXPECT_EQ(sending.hosts.source.hypervisor.domain(sending.hosts.id).uuid,
                          sending.uuid);
            }
        }
        before.insert(before.end(), right.bytes.begin(), right.bytes.end());
    }
}

TEST(HostileDestination, KnowsNothingThatItWasNotAskedFor) {
    ByteVector ready = ready_knowing(true);
    for (const ByteVector& known :
         {ByteVector(1, std::byte{1}), ByteVector(wire::most_contents / 8, std::byte{0xff}),
          ByteVector()}) {
        ByteVector replies = ready;
        const ByteVector message = message_of(wire::MessageType::known, known);
        replies.insert(replies.end(), message.begin(), message.end());
        Sending sending(replies);
        EXPECT_THAT(sending.line, HasSubstr("a list of what is known of it makes no sense"));
        EXPECT_TRUE(runs(sending.hosts.source, sending.hosts.id));
        EXPECT_FALSE(sending.went);
        EXPECT_EQ(sending.hosts.source.hypervisor.domain(sending.hosts.id).notified, 0U);
    }
}

// In doubt, for what came instead of "running" was another word.
struct Doubt : Sending {
    Doubt() : Sending(replies()) { EXPECT_TRUE(in_doubt()); }

    static ByteVector replies() {
        ByteVector bytes;
        for (const Reply& reply : good_replies())
            if (std::string_view(reply.name) != "running")
                bytes.insert(bytes.end(), reply.bytes.begin(), reply.bytes.end());
        const ByteVector again = sent_by(wire::send_restored);
        bytes.insert(bytes.end(), again.begin(), again.end());
        return bytes;
    }
};

TEST(HostileDestination, SettlingSaysWhoHasTheGuest) {
    {
        Doubt doubt;
        EXPECT_EQ(doubt.settle(saying(wire::Answer{})), std::nullopt);
        EXPECT_TRUE(doubt.in_doubt());
        verbs::settle_here(doubt.hosts.source.ports(), doubt.hosts.id, any_name);
        EXPECT_TRUE(runs(doubt.hosts.source, doubt.hosts.id));
        EXPECT_EQ(doubt.hosts.source.hypervisor.domain(doubt.hosts.id).uuid, doubt.uuid);
    }
    Doubt doubt;
    EXPECT_EQ(
        doubt.settle(saying(wire::Answer{.kind = wire::Answer::Kind::runs, .id = DomainId(40)})),
        DomainId(40));
    EXPECT_TRUE(doubt.hosts.is_as_before(doubt.hosts.source));
}

TEST(HostileDestination, WhatIsNoAnswerSettlesNothing) {
    std::vector<Reply> replies = all_replies();
    std::erase_if(replies,
                  [](const Reply& reply) { return std::string_view(reply.name) == "answer"; });
    replies.push_back({"waits", saying(wire::Answer{.kind = wire::Answer::Kind::still_receives})});
    Encoder nobody;
    nobody.number(static_cast<std::uint8_t>(wire::Answer::Kind::runs));
    nobody.number(std::uint16_t{0});
    replies.push_back({"runs as 0", message_of(wire::MessageType::answer, nobody.bytes())});
    Doubt doubt;
    for (const Reply& reply : replies) {
        SCOPED_TRACE(reply.name);
        const Failure failure = failure_of([&] { static_cast<void>(doubt.settle(reply.bytes)); });
        EXPECT_THAT(failure.problem, HasSubstr("there"));
        EXPECT_TRUE(doubt.in_doubt());
        EXPECT_FALSE(runs(doubt.hosts.source, doubt.hosts.id));
    }
}

}  // namespace
}  // namespace xcl::test
