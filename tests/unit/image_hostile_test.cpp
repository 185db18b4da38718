// SPDX-License-Identifier: BSD-3-Clause
// Images whose checksums fit and that lie all the same: each bound, by bytes that were changed.
#include <cstring>
#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "image/encoding.hpp"
#include "image_samples.hpp"
#include "xcl/error.hpp"

namespace xcl::image {
namespace {

using test::ByteVector;
using test::image_of;
using test::mend_checksums;
using test::refusal_of;
using test::sample_guest;
using test::SampleGuest;
using test::sections_of;
using ::testing::HasSubstr;

template <typename Number>
void put(ByteVector& bytes, std::size_t at, Number number) {
    std::memcpy(bytes.data() + at, &number, sizeof number);
}

// The image with `number` at `at` of section `section`'s payload, or of the header.
template <typename Number>
std::string refusal_with(int section, std::size_t at, Number number,
                         MemoryForm form = MemoryForm::pages) {
    ByteVector bytes = image_of(sample_guest(), form);
    const std::size_t begin =
        section < 0 ? 0 : sections_of(bytes)[static_cast<std::size_t>(section)].payload;
    put(bytes, begin + at, number);
    mend_checksums(bytes);
    return refusal_of(bytes);
}

// The image with another payload in place of that of a section.
std::string refusal_of_payload(std::size_t section, const ByteVector& payload,
                               MemoryForm form = MemoryForm::pages) {
    ByteVector bytes = image_of(sample_guest(), form);
    const auto place = sections_of(bytes)[section];
    const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(place.payload);
    bytes.erase(begin, bytes.begin() + static_cast<std::ptrdiff_t>(place.checksum));
    bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(place.payload), payload.begin(),
                 payload.end());
    put(bytes, place.head + 8, std::uint64_t{payload.size()});
    mend_checksums(bytes);
    return refusal_of(bytes);
}

TEST(HostileImage, HeaderIsOfThisProgramAndThisKindOfGuest) {
    EXPECT_EQ(refusal_with(-1, 0, 'x'), "it is no image of a guest");
    EXPECT_EQ(refusal_with(-1, 8, std::uint32_t{2}),
              "it is of version 2 of the format, and this program reads version 1");
    EXPECT_THAT(refusal_with(-1, 12, std::uint16_t{7}), HasSubstr("of the architecture 7"));
    EXPECT_THAT(refusal_with(-1, 14, std::uint16_t{0}), HasSubstr("in the unknown form 0"));
    EXPECT_THAT(refusal_with(-1, 14, std::uint16_t{9}), HasSubstr("in the unknown form 9"));
    EXPECT_EQ(refusal_with(-1, 16, std::uint64_t{1}), "its header has unknown flags");
    EXPECT_EQ(refusal_of({}), "truncated: it ends at byte 0, within its header");
}

TEST(HostileImage, LengthsAreBoundedBeforeAnythingIsRead) {
    const ByteVector good = image_of(sample_guest());
    const std::size_t head = sections_of(good)[0].head;
    for (const std::uint64_t length :
         {std::uint64_t{1} << 24, (std::uint64_t{1} << 32) + 1, ~std::uint64_t{0},
          ~std::uint64_t{0} - 15, std::uint64_t{1} << 63}) {
        ByteVector bytes = good;
        put(bytes, head + 8, length);
        const bool possible = length <= longest_payload(SectionType::description);
        EXPECT_THAT(refusal_of(bytes), HasSubstr(possible ? "truncated" : "more than the"))
            << length;
        test::StreamSource stream(bytes);
        ImageReader reader(stream, "img");
        EXPECT_THROW(reader.begin(), Error) << length;
    }
    for (const std::uint32_t type : {0U, 6U, 7U, 0xffffffffU}) {
        ByteVector bytes = good;
        put(bytes, head, type);
        EXPECT_THAT(refusal_of(bytes), HasSubstr("at byte 40: it")) << type;
    }
}

TEST(HostileImage, EachFormHasItsSections) {
    // Of pages, but its header says that it is a stream, of a guest with a console; and turned
    // round.
    SampleGuest guest = sample_guest();
    guest.description.config.console = ConsoleKind::pty;
    guest.state.console = 6;
    ByteVector pages = image_of(guest);
    put(pages, 14, static_cast<std::uint16_t>(MemoryForm::libxenguest));
    mend_checksums(pages);
    EXPECT_THAT(refusal_of(pages), HasSubstr("(page list) at byte"));
    EXPECT_THAT(refusal_of(pages), HasSubstr("an image that holds libxenguest's stream"));
    for (const MemoryForm form : {MemoryForm::pages, MemoryForm::rounds}) {
        ByteVector stream = image_of(guest, MemoryForm::libxenguest);
        put(stream, 14, static_cast<std::uint16_t>(form));
        mend_checksums(stream);
        EXPECT_THAT(refusal_of(stream), HasSubstr("an image that holds pages"));
    }
    for (const SectionType type :
         {SectionType::page_list, SectionType::pages, SectionType::machine_state,
          SectionType::references, SectionType::mark}) {
        ByteVector stream = image_of(guest, MemoryForm::libxenguest);
        put(stream, sections_of(stream)[2].head, static_cast<std::uint32_t>(type));
        mend_checksums(stream);
        EXPECT_THAT(refusal_of(stream), HasSubstr("an image that holds libxenguest's stream"));
    }
}

TEST(HostileImage, StreamOfLibxenguestIsOfAGuestWithAConsoleAndHasNoEmptyParts) {
    ByteVector bytes = image_of(sample_guest());
    put(bytes, 14, static_cast<std::uint16_t>(MemoryForm::libxenguest));
    mend_checksums(bytes);
    EXPECT_THAT(refusal_of(bytes), HasSubstr("without which libxenguest restores no guest"));
    EXPECT_THAT(refusal_of_payload(2, {}, MemoryForm::libxenguest), HasSubstr("holds nothing"));
    EXPECT_THAT(refusal_of_payload(4, encode(sample_guest().description), MemoryForm::libxenguest),
                HasSubstr("it describes another guest than the first one did"));
}

TEST(HostileImage, SectionsComeInTheirOrder) {
    ByteVector bytes = image_of(sample_guest());
    put(bytes, sections_of(bytes)[0].head, static_cast<std::uint32_t>(SectionType::pages));
    mend_checksums(bytes);
    EXPECT_THAT(refusal_of(bytes), HasSubstr("expected the section 'guest' here"));
}

TEST(HostileImage, DescriptionIsNoLongerAndNoShorterThanItSays) {
    ByteVector payload = encode(sample_guest().description);
    for (std::size_t length = 0; length < payload.size(); ++length)
        EXPECT_THAT(refusal_of_payload(0, {payload.begin(),
                                           payload.begin() + static_cast<std::ptrdiff_t>(length)}),
                    HasSubstr("section 0 (guest) at byte 40: it"))
            << length;
    payload.push_back(std::byte{0});
    EXPECT_THAT(refusal_of_payload(0, payload), HasSubstr("longer than what it holds"));
}

TEST(HostileImage, StateIsNoLongerAndNoShorterThanItSays) {
    ByteVector payload = encode(sample_guest().state);
    for (std::size_t length = 0; length < payload.size(); length += 7)
        EXPECT_THAT(refusal_of_payload(3, {payload.begin(),
                                           payload.begin() + static_cast<std::ptrdiff_t>(length)}),
                    HasSubstr("section 3 (machine state)"))
            << length;
    payload.push_back(std::byte{0});
    EXPECT_THAT(refusal_of_payload(3, payload), HasSubstr("longer than what it holds"));
}

TEST(HostileImage, CountsAreBoundedByTheBytesThereAre) {
    const std::size_t affinity = 2 + 3 + 8 + 8 + 2;  // behind name, sizes and vCPUs
    EXPECT_THAT(refusal_with(0, 5, ~std::uint64_t{0}), HasSubstr("page frames, more than"));
    EXPECT_THAT(refusal_with(0, affinity - 2, std::uint16_t{513}), HasSubstr("513 vCPUs"));
    EXPECT_THAT(refusal_with(0, affinity, std::uint8_t{3}), HasSubstr("it has 3"));
    EXPECT_THAT(refusal_with(0, affinity + 1, std::uint16_t{512}),
                HasSubstr("512 lists of CPUs, and is too short"));
    EXPECT_THAT(refusal_with(0, affinity + 1, std::uint16_t{0}), HasSubstr("no lists"));
    EXPECT_THAT(refusal_with(0, affinity + 3, std::uint16_t{5000}), HasSubstr("5000 CPUs"));
    EXPECT_THAT(refusal_with(3, 5 * 8 + page_size + 20, ~std::uint32_t{0}),
                HasSubstr("pages of its p2m"));
    EXPECT_THAT(refusal_with(3, 5 * 8 + page_size + 20 + 4 + 8, std::uint16_t{513}),
                HasSubstr("513 vCPUs, more than 512"));
    EXPECT_THAT(refusal_with(3, 5 * 8 + page_size + 20 + 4 + 8 + 2, ~std::uint32_t{0}),
                HasSubstr("bytes of a vCPU's context, more than"));
    EXPECT_THAT(refusal_with(2, 0, ~std::uint64_t{0}), HasSubstr("runs of pages, more than"));
    EXPECT_THAT(refusal_with(2, 0, std::uint64_t{0}), HasSubstr("holds no pages"));
    EXPECT_THAT(refusal_with(2, 0, std::uint64_t{2}), HasSubstr("longer than what it holds"));
}

TEST(HostileImage, ListsOfPagesAreInOrderAndBelowTheirEnd) {
    // Runs: 0 to 3, 4, 5, 6 and 7, 10 to 13.
    EXPECT_THAT(refusal_with(1, 0, std::uint64_t{1}), HasSubstr("out of order or there twice"));
    EXPECT_THAT(refusal_with(1, 8, std::uint32_t{5}), HasSubstr("out of order or there twice"));
    EXPECT_THAT(refusal_with(1, 8, std::uint32_t{0}), HasSubstr("its run of pages at 0x0 has 0"));
    EXPECT_THAT(refusal_with(1, 8, ~std::uint32_t{0}), HasSubstr("are not below 0xe"));
    EXPECT_THAT(refusal_with(1, 64, std::uint64_t{11}), HasSubstr("are not below 0xe"));
    EXPECT_THAT(refusal_with(1, 64, ~std::uint64_t{0}), HasSubstr("its run of pages at"));
    EXPECT_THAT(refusal_with(1, 64, ~std::uint64_t{0} - 4), HasSubstr("are not below 0xe"));
    EXPECT_THAT(refusal_with(1, 8, std::uint32_t{3}), HasSubstr("11 pages, and the guest has 12"));
    EXPECT_THAT(refusal_with(1, 12, std::uint8_t{5}), HasSubstr("unknown type 5"));
    EXPECT_THAT(refusal_with(1, 13, std::uint8_t{4}), HasSubstr("unknown flags"));
    EXPECT_THAT(refusal_with(1, 13, std::uint8_t{2}), HasSubstr("unknown flags"));
    EXPECT_THAT(refusal_with(1, 14, std::uint16_t{1}), HasSubstr("unknown flags"));
    EXPECT_THAT(refusal_with(1, 13, std::uint8_t{1}), HasSubstr("pinned, yet no page table"));
    EXPECT_THAT(refusal_of_payload(1, {}), HasSubstr("it lists 0 pages"));
}

ByteVector batch(std::initializer_list<BatchRun> runs, std::size_t contents) {
    Encoder encoder;
    encoder.number(std::uint64_t{runs.size()});
    for (const BatchRun& run : runs)
        encode(run, encoder);
    encoder.bytes().resize(encoder.bytes().size() + contents * page_size, std::byte{1});
    return encoder.bytes();
}

BatchRun run(std::uint64_t pfn, std::uint64_t count, bool zero = false) {
    return {.run = {.first = {.pfn = pfn}, .count = count}, .zero = zero};
}

TEST(HostileImage, BatchesHoldPagesOfTheListOnly) {
    EXPECT_THAT(refusal_of_payload(2, batch({run(1, 1), run(1, 1)}, 2)), HasSubstr("there twice"));
    EXPECT_THAT(refusal_of_payload(2, batch({run(2, 1), run(1, 1)}, 2)), HasSubstr("out of order"));
    EXPECT_THAT(refusal_of_payload(2, batch({run(8, 1)}, 1)), HasSubstr("0x8 is not as in"));
    EXPECT_THAT(refusal_of_payload(2, batch({run(7, 2)}, 2)), HasSubstr("0x8 is not as in"));
    EXPECT_THAT(refusal_of_payload(2, batch({run(3, 2)}, 2)), HasSubstr("0x4 is not as in"));
    EXPECT_THAT(refusal_of_payload(2, batch({run(12, 3)}, 3)), HasSubstr("0xe is not as in"));
    EXPECT_THAT(refusal_of_payload(2, batch({run(~std::uint64_t{1}, 1)}, 1)),
                HasSubstr("is not as in"));
    EXPECT_THAT(refusal_of_payload(2, batch({run(0, 2)}, 1)), HasSubstr("shorter"));
    EXPECT_THAT(refusal_of_payload(2, batch({run(0, 2)}, 3)), HasSubstr("longer"));
    EXPECT_THAT(refusal_of_payload(2, batch({run(0, 1, true)}, 0)),
                HasSubstr("pages without contents"));
    // In rounds types may differ and zero pages are named, but they are the guest's own still.
    EXPECT_THAT(refusal_of_payload(2, batch({run(3, 2)}, 2), MemoryForm::rounds),
                HasSubstr("does not count the sections and pages"));
    EXPECT_THAT(refusal_of_payload(2, batch({run(3, 2, true)}, 0), MemoryForm::rounds),
                HasSubstr("does not count the sections and pages"));
    EXPECT_THAT(refusal_of_payload(2, batch({run(8, 1, true)}, 0), MemoryForm::rounds),
                HasSubstr("0x8 is not as in"));
    EXPECT_THAT(refusal_of_payload(2, batch({run(0, 1), run(0, 1, true)}, 1), MemoryForm::rounds),
                HasSubstr("there twice"));
}

TEST(HostileImage, LastListIsOfTheSamePages) {
    ByteVector bytes = image_of(sample_guest(), MemoryForm::rounds);
    EXPECT_EQ(sections_of(bytes)[4].type, SectionType::page_list);
    // The last run is 10 to 13; 9 to 12 are as many.
    EXPECT_THAT(refusal_with(4, 64, std::uint64_t{9}, MemoryForm::rounds),
                HasSubstr("not those of the first list"));
}

TEST(HostileImage, LastDescriptionIsOfTheSameGuest) {
    const ByteVector bytes = image_of(sample_guest(), MemoryForm::rounds);
    EXPECT_EQ(sections_of(bytes)[3].type, SectionType::description);
    GuestDescription other = sample_guest().description;
    other.store.clear();  // that may change while it runs
    EXPECT_EQ(refusal_of_payload(3, encode(other), MemoryForm::rounds), "accepted");
    other.config.name = "another";
    EXPECT_THAT(refusal_of_payload(3, encode(other), MemoryForm::rounds),
                HasSubstr("it describes another guest than the first one did"));
}

// A guest of rounds whose page 4 comes as a reference.
ByteVector referring() {
    const test::SampleGuest guest = sample_guest();
    test::MemorySink sink;
    ImageWriter writer(sink, "img", MemoryForm::rounds);
    writer.begin(guest.description, guest.pages);
    writer.reference({.pfn = 4, .contents = checksum_of(test::page_of(1))});
    writer.end(guest.state, guest.pages);
    return sink.bytes;
}

TEST(HostileImage, ReferencesAreForThoseWhoKeepContents) {
    const ByteVector bytes = referring();
    EXPECT_THAT(refusal_of(bytes), HasSubstr("refers to contents that are not in the image"));
    test::StreamSource source(bytes);
    ImageReader reader(source, "img", Checks::all, Source::wire);
    reader.begin();
    const std::vector<Reference> expected{{4, checksum_of(test::page_of(1))}};
    EXPECT_EQ(reader.next_pages()->references, expected);
    EXPECT_FALSE(reader.next_pages());
    EXPECT_EQ(reader.end(), sample_guest().state);
}

TEST(HostileImage, ReferencesAreToItsOwnPagesAndCounted) {
    const auto refusal = [](std::size_t at, std::uint64_t number) {
        ByteVector bytes = referring();
        EXPECT_EQ(sections_of(bytes)[2].type, SectionType::references);
        put(bytes, sections_of(bytes)[2].payload + at, number);
        mend_checksums(bytes);
        test::StreamSource source(bytes);
        ImageReader reader(source, "img", Checks::all, Source::wire);
        reader.begin();
        try {
            static_cast<void>(reader.next_pages());
        } catch (const Error& error) {
            return error.failure().problem;
        }
        return std::string("accepted");
    };
    EXPECT_THAT(refusal(8, 9), HasSubstr("its page 0x9 is not in the list of pages"));
    EXPECT_THAT(refusal(0, 0), HasSubstr("it holds no references"));
    EXPECT_THAT(refusal(0, 2), HasSubstr("is too short for them"));
    EXPECT_THAT(refusal(0, max_references + 1), HasSubstr("references"));
}

TEST(HostileImage, EndMarkCountsWhatIsThere) {
    EXPECT_THAT(refusal_with(4, 0, std::uint64_t{5}), HasSubstr("does not count"));
    EXPECT_THAT(refusal_with(4, 8, std::uint64_t{5}), HasSubstr("does not count"));
    EXPECT_THAT(refusal_of_payload(4, ByteVector(end_bytes - 1)), HasSubstr("31 bytes, not 32"));
}

TEST(HostileImage, FewBytesStandForManyPagesOnlyAsRuns) {
    // A guest of 16 TiB that is zero: sensible, and a few hundred KiB for its p2m's PFNs.
    GuestDescription guest;
    guest.pfn_end = guest.memory_pages = max_pages;
    guest.config.memory_mib = GuestConfig::max_memory_mib;
    PageList list{.runs = {{.first = {}, .count = max_pages}}, .count = max_pages};
    EXPECT_EQ(fault_of(guest), "");
    EXPECT_EQ(fault_of(decode_list(encode(list)), guest), "");
}

TEST(HostileImage, MarksAreForThoseWhoCanAnswer) {
    const test::SampleGuest guest = sample_guest();
    test::MemorySink sink;
    ImageWriter writer(sink, "img", MemoryForm::rounds);
    writer.begin(guest.description, guest.pages);
    writer.page({.pfn = 1}, test::page_of(7));
    writer.mark();
    writer.end(guest.state, guest.pages);
    EXPECT_THAT(refusal_of(sink.bytes), HasSubstr("nobody waits for a word"));
    const auto second = [](const ByteVector& bytes) {
        test::StreamSource source(bytes);
        ImageReader reader(source, "img", Checks::all, Source::wire);
        reader.begin();
        EXPECT_EQ(reader.next_pages()->pages.size(), 1U);
        try {
            return reader.next_pages()->mark ? std::string("a mark") : std::string("no mark");
        } catch (const Error& error) {
            return error.failure().problem;
        }
    };
    EXPECT_EQ(second(sink.bytes), "a mark");
    ByteVector bytes = sink.bytes;
    EXPECT_EQ(sections_of(bytes)[3].type, SectionType::mark);
    put(bytes, sections_of(bytes)[3].payload, std::uint64_t{2});
    mend_checksums(bytes);
    EXPECT_THAT(second(bytes), HasSubstr("it does not count the pages before it"));
}

}  // namespace
}  // namespace xcl::image
