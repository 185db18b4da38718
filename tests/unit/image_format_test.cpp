// SPDX-License-Identifier: BSD-3-Clause
// Images: what is written is what is read, and what is not whole or was altered is refused.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "image_samples.hpp"
#include "xcl/error.hpp"

namespace xcl::image {
namespace {

using test::ByteVector;
using test::image_of;
using test::page_of;
using test::refusal_of;
using test::sample_guest;
using test::SampleGuest;
using ::testing::HasSubstr;
using ::testing::StartsWith;

void expect_same(const GuestDescription& one, const GuestDescription& other) {
    EXPECT_EQ(one.config.name, other.config.name);
    EXPECT_EQ(one.config.memory_mib, other.config.memory_mib);
    EXPECT_EQ(one.config.vcpus, other.config.vcpus);
    EXPECT_EQ(one.config.cpus, other.config.cpus);
    EXPECT_EQ(one.config.cpus_by_vcpu, other.config.cpus_by_vcpu);
    EXPECT_EQ(one.config.vifs, other.config.vifs);
    EXPECT_EQ(one.config.console, other.config.console);
    EXPECT_EQ(one.config.on_poweroff, other.config.on_poweroff);
    EXPECT_EQ(one.config.on_crash, other.config.on_crash);
    EXPECT_EQ(one.vif_numbers, other.vif_numbers);
    EXPECT_EQ(one.pfn_end, other.pfn_end);
    EXPECT_EQ(one.memory_pages, other.memory_pages);
    EXPECT_EQ(one.store, other.store);
}

// The contents of every page with some, as they are last.
std::vector<std::pair<PageId, ByteVector>> contents_of(const WholeImage& whole) {
    std::vector<std::pair<PageId, ByteVector>> all;
    for (const PageBatch& batch : whole.batches)
        for (std::size_t i = 0; i < batch.pages.size(); ++i) {
            const Bytes bytes = batch.contents.subspan(i * page_size, page_size);
            all.emplace_back(batch.pages[i], ByteVector(bytes.begin(), bytes.end()));
        }
    return all;
}

TEST(Image, HoldsAllOfAGuest) {
    const SampleGuest guest = sample_guest();
    const ByteVector bytes = image_of(guest);
    const WholeImage whole = read_whole(bytes, "img");
    expect_same(whole.guest, guest.description);
    EXPECT_EQ(whole.state, guest.state);
    EXPECT_EQ(to_pages(whole.pages), guest.pages);
    EXPECT_EQ(whole.form, MemoryForm::pages);
    EXPECT_EQ(whole.contents, 4U);
    EXPECT_EQ(whole.bytes, bytes.size());
    const auto contents = contents_of(whole);
    ASSERT_EQ(contents.size(), 4U);
    EXPECT_EQ(contents[0], std::pair(guest.pages[1], guest.contents[1]));
    EXPECT_EQ(contents[1], std::pair(guest.pages[4], guest.contents[4]));
    EXPECT_EQ(contents[2], std::pair(guest.pages[5], guest.contents[5]));
    EXPECT_EQ(contents[3], std::pair(guest.pages[11], guest.contents[11]));
}

TEST(Image, HoldsEveryChoiceOfADescription) {
    SampleGuest guest = sample_guest();
    guest.description.config.name = "";
    guest.description.config.cpus_by_vcpu.clear();
    guest.description.config.cpus = CpuList{};
    guest.description.config.console = ConsoleKind::pty;
    guest.description.config.on_poweroff = EndAction::preserve;
    guest.description.config.on_crash = EndAction::destroy;
    guest.description.config.vifs[0].ip = {
        .kind = VifAddress::Kind::fixed, .text = "10.0.0.2", .prefix = {}};
    guest.description.config.vifs[1].ip.kind = VifAddress::Kind::automatic;
    const ByteVector some_cpus = image_of(guest);
    expect_same(read_whole(some_cpus, "img").guest, guest.description);
    guest.description.config.cpus = CpuList{0, 7, GuestConfig::max_cpu};
    const ByteVector listed = image_of(guest);
    expect_same(read_whole(listed, "img").guest, guest.description);
    guest.description.config.cpus.reset();
    guest.description.config.vifs.clear();
    guest.description.vif_numbers.clear();
    guest.description.store.clear();
    const ByteVector bare = image_of(guest);
    expect_same(read_whole(bare, "img").guest, guest.description);
}

TEST(Image, ContentsAreNotCopiedFromMemory) {
    const ByteVector bytes = image_of(sample_guest());
    const WholeImage whole = read_whole(bytes, "img");
    ASSERT_EQ(whole.batches.size(), 1U);
    EXPECT_GE(whole.batches[0].contents.data(), bytes.data());
    EXPECT_LE(whole.batches[0].contents.data() + whole.batches[0].contents.size(),
              bytes.data() + bytes.size());
}

// Of one vCPU and a p2m that fits; all its pages are data, and zero unless `contents` says more.
SampleGuest guest_of(std::uint64_t pages) {
    SampleGuest guest = sample_guest();
    guest.description.memory_pages = guest.description.pfn_end = pages;
    guest.description.config.memory_mib = (pages + 255) / 256;
    guest.state.memory_pages = guest.state.pfn_end = pages;
    guest.state.p2m_pages.clear();
    for (std::uint64_t i = 0; i < (pages + p2m_entries - 1) / p2m_entries; ++i)
        guest.state.p2m_pages.push_back(100 + i);
    guest.pages.clear();
    for (std::uint64_t pfn = 0; pfn < pages; ++pfn)
        guest.pages.push_back({.pfn = pfn});
    guest.contents.assign(pages, {});
    return guest;
}

TEST(Image, ZeroPagesTakeNoRoom) {
    const std::size_t few = image_of(guest_of(1000)).size();
    const std::size_t many = image_of(guest_of(11000)).size();
    EXPECT_LE(many - few, 200U);  // the entries of 20 more p2m pages are 160
    const std::size_t few_rounds = image_of(guest_of(1000), MemoryForm::rounds).size();
    const std::size_t many_rounds = image_of(guest_of(11000), MemoryForm::rounds).size();
    EXPECT_LE(many_rounds - few_rounds, 200U);
}

TEST(Image, ManyPagesComeInBatches) {
    SampleGuest guest = guest_of(2048);
    for (std::size_t i = 0; i < guest.pages.size(); i += i % 7 + 1)
        guest.contents[i] = page_of(static_cast<unsigned char>(i % 255 + 1));
    const ByteVector bytes = image_of(guest);
    const WholeImage whole = read_whole(bytes, "img");
    EXPECT_GT(whole.batches.size(), 1U);
    std::size_t next = 0;
    for (const auto& [page, contents] : contents_of(whole)) {
        while (guest.contents[next].empty())
            ++next;
        EXPECT_EQ(page, guest.pages[next]);
        EXPECT_EQ(contents, guest.contents[next]);
        ++next;
    }
    EXPECT_EQ(whole.contents, guest.pages.size() - static_cast<std::size_t>(std::ranges::count(
                                                       guest.contents, ByteVector{})));
}

TEST(Image, OneByteIsNotZero) {
    for (const std::size_t at : {0U, 1U, 15U, 255U, 256U, 511U, 512U, 4080U, 4095U}) {
        SampleGuest guest = sample_guest();
        guest.contents[0] = ByteVector(page_size);
        guest.contents[0][at] = std::byte{1};
        const ByteVector bytes = image_of(guest);
        EXPECT_EQ(read_whole(bytes, "img").contents, 5U) << at;
    }
}

TEST(Image, OfRoundsTheLastContentsAndTypesCount) {
    SampleGuest guest = sample_guest();
    const std::vector<PageId> suspended = guest.pages;
    guest.pages[4].type = PageType::data;
    guest.pages[5] = {.pfn = 5};
    test::MemorySink sink;
    ImageWriter writer(sink, "img", MemoryForm::rounds);
    writer.begin(guest.description, guest.pages);
    writer.page({.pfn = 1}, page_of(1));
    writer.page({.pfn = 4}, page_of(2));
    writer.flush();
    writer.page({.pfn = 4, .type = PageType::l1_table}, page_of(3));
    writer.page({.pfn = 1}, page_of(0));
    writer.page({.pfn = 1}, page_of(4));
    writer.end(guest.state, suspended);
    EXPECT_EQ(writer.pages_written(), 4U);
    EXPECT_EQ(writer.bytes_written(), sink.bytes.size());

    const WholeImage whole = read_whole(sink.bytes, "img");
    EXPECT_EQ(whole.form, MemoryForm::rounds);
    EXPECT_EQ(to_pages(whole.pages), suspended);
    ASSERT_EQ(whole.batches.size(), 4U);
    EXPECT_EQ(whole.batches[0].pages, (std::vector<PageId>{{.pfn = 1}, {.pfn = 4}}));
    EXPECT_EQ(whole.batches[1].pages,
              (std::vector<PageId>{{.pfn = 4, .type = PageType::l1_table}}));
    EXPECT_TRUE(whole.batches[2].pages.empty());
    EXPECT_EQ(to_pages(whole.batches[2].zeroed), (std::vector<PageId>{{.pfn = 1}}));
    EXPECT_EQ(whole.batches[3].contents[0], std::byte{4});
}

TEST(Image, TruncatedAnywhereIsRefused) {
    for (const MemoryForm form : {MemoryForm::pages, MemoryForm::rounds}) {
        const ByteVector bytes = image_of(sample_guest(), form);
        ASSERT_EQ(refusal_of(bytes), "accepted");
        for (std::size_t length = 0; length < bytes.size(); ++length)
            EXPECT_THAT(refusal_of(Bytes(bytes).first(length)), StartsWith("truncated: "))
                << length;
    }
}

TEST(Image, AlteredAnywhereIsRefused) {
    for (const MemoryForm form : {MemoryForm::pages, MemoryForm::rounds}) {
        ByteVector bytes = image_of(sample_guest(), form);
        for (std::byte& byte : bytes)
            for (const std::byte change : {std::byte{0x01}, std::byte{0x80}, std::byte{0xff}}) {
                byte ^= change;
                EXPECT_NE(refusal_of(bytes), "accepted") << &byte - bytes.data();
                byte ^= change;
            }
        EXPECT_EQ(refusal_of(bytes), "accepted");
    }
}

TEST(Image, AlteredAnywhereIsReadWithoutHarmWhereChecksumsFit) {
    ByteVector bytes = image_of(sample_guest());
    for (std::byte& byte : bytes)
        for (const std::byte change : {std::byte{0x01}, std::byte{0x80}, std::byte{0xff}}) {
            byte ^= change;
            EXPECT_FALSE(refusal_of(bytes, Checks::all_but_checksums).empty());
            byte ^= change;
        }
}

TEST(Image, SaysWhereItWasAltered) {
    ByteVector bytes = image_of(sample_guest());
    const auto sections = test::sections_of(bytes);
    ASSERT_EQ(sections[2].type, SectionType::pages);
    bytes[sections[2].payload + 1000] ^= std::byte{1};
    EXPECT_EQ(refusal_of(bytes), "section 2 (pages) at byte " + std::to_string(sections[2].head) +
                                     ": its checksum does not fit: the image was altered");
}

TEST(Image, SectionsCannotBeLostDoubledOrMoved) {
    const ByteVector bytes = image_of(sample_guest());
    const auto sections = test::sections_of(bytes);
    const auto piece = [&bytes, &sections](std::size_t i) {
        const std::size_t end = i + 1 < sections.size() ? sections[i + 1].head : bytes.size();
        return ByteVector(bytes.begin() + static_cast<std::ptrdiff_t>(sections[i].head),
                          bytes.begin() + static_cast<std::ptrdiff_t>(end));
    };
    const auto of_pieces = [&](const std::vector<std::size_t>& order) {
        ByteVector all(bytes.begin(),
                       bytes.begin() + static_cast<std::ptrdiff_t>(sections[0].head));
        for (const std::size_t i : order) {
            const ByteVector one = piece(i);
            all.insert(all.end(), one.begin(), one.end());
        }
        return all;
    };
    ASSERT_EQ(sections.size(), 5U);
    EXPECT_EQ(refusal_of(of_pieces({0, 1, 2, 3, 4})), "accepted");
    EXPECT_THAT(refusal_of(of_pieces({0, 1, 3, 4})), HasSubstr("sections are missing or moved"));
    EXPECT_THAT(refusal_of(of_pieces({0, 1, 2, 2, 3, 4})), HasSubstr("missing or moved"));
    EXPECT_THAT(refusal_of(of_pieces({1, 0, 2, 3, 4})), HasSubstr("missing or moved"));
    EXPECT_THAT(refusal_of(of_pieces({0, 1, 2, 3, 4, 4})), HasSubstr("bytes follow its end mark"));
}

TEST(Image, EndMarkFitsItsOwnImageOnly) {
    // Pages of another image of the same guest: every section is good, the whole is not.
    SampleGuest guest = sample_guest();
    ByteVector bytes = image_of(guest);
    guest.contents[1] = page_of(99);
    const ByteVector other = image_of(guest);
    const auto sections = test::sections_of(bytes);
    std::copy(other.begin() + static_cast<std::ptrdiff_t>(sections[2].head),
              other.begin() + static_cast<std::ptrdiff_t>(sections[3].head),
              bytes.begin() + static_cast<std::ptrdiff_t>(sections[2].head));
    EXPECT_THAT(refusal_of(bytes), HasSubstr("its checksum of all sections does not fit"));
}

}  // namespace
}  // namespace xcl::image
