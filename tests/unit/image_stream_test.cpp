// SPDX-License-Identifier: BSD-3-Clause
// Images over pipes and sockets: read as they come, no byte too far, and every failed write shows.
#include <array>
#include <cerrno>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/descriptor.hpp"
#include "failure_of.hpp"
#include "image_samples.hpp"
#include "xcl/error.hpp"

namespace xcl::image {
namespace {

using test::ByteVector;
using test::failure_of;
using test::image_of;
using test::MemorySink;
using test::sample_guest;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Reads an image section by section, and returns its state.
MachineState read_through(ImageReader& reader) {
    reader.begin();
    while (reader.next_pages()) {
    }
    return reader.end();
}

TEST(ImageStream, IsReadToItsEndMarkAndNoFurther) {
    for (const MemoryForm form : {MemoryForm::pages, MemoryForm::rounds}) {
        ByteVector bytes = image_of(sample_guest(), form);
        const std::size_t size = bytes.size();
        bytes.resize(size + 100);
        test::StreamSource source(bytes);
        ImageReader reader(source, "peer");
        EXPECT_EQ(read_through(reader), sample_guest().state);
        EXPECT_EQ(source.left(), 100U);
        EXPECT_EQ(reader.bytes_read(), size);
    }
}

TEST(ImageStream, TruncatedAnywhereIsRefused) {
    const ByteVector bytes = image_of(sample_guest(), MemoryForm::rounds);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        test::StreamSource source(Bytes(bytes).first(length));
        ImageReader reader(source, "peer");
        EXPECT_THAT(failure_of([&reader] { static_cast<void>(read_through(reader)); }).problem,
                    StartsWith("peer: truncated: it ends at byte " + std::to_string(length)));
    }
}

TEST(ImageStream, OfLibxenguestIsHandedOnAsItIs) {
    const ByteVector bytes = image_of(sample_guest(), MemoryForm::libxenguest);
    test::StreamSource source(bytes);
    ImageReader reader(source, "peer");
    reader.begin();
    EXPECT_EQ(reader.form(), MemoryForm::libxenguest);
    EXPECT_EQ(reader.guest().config.name, "web");
    std::vector<ByteVector> parts;
    while (const auto part = reader.next_part())
        parts.emplace_back(part->begin(), part->end());
    EXPECT_EQ(parts, test::sample_stream());
    EXPECT_EQ(reader.end(), MachineState{});
    EXPECT_EQ(source.left(), 0U);
    const WholeImage whole = read_whole(bytes, "img");
    EXPECT_EQ(whole.stream.size(), parts.size());
    EXPECT_EQ(whole.bytes, bytes.size());
}

TEST(ImageStream, OfLibxenguestIsRefusedWhereverItIsTruncatedOrAltered) {
    const ByteVector bytes = image_of(sample_guest(), MemoryForm::libxenguest);
    for (std::size_t length = 0; length < bytes.size(); length += 3)
        EXPECT_THAT(test::refusal_of(Bytes(bytes).first(length)), StartsWith("truncated: "));
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        ByteVector altered = bytes;
        altered[at] ^= std::byte{0x10};
        EXPECT_NE(test::refusal_of(altered), "accepted") << at;
    }
}

TEST(ImageStream, LongPartsOfLibxenguestAreDivided) {
    MemorySink sink;
    ImageWriter writer(sink, "img", MemoryForm::libxenguest);
    test::SampleGuest guest = sample_guest();
    guest.description.config.console = ConsoleKind::pty;
    writer.begin_stream(guest.description);
    writer.part(ByteVector((std::size_t{2} << 20) + 1, std::byte{5}));
    writer.part({});
    writer.end_stream();
    const WholeImage whole = read_whole(sink.bytes, "img");
    ASSERT_EQ(whole.stream.size(), 3U);
    EXPECT_EQ(whole.stream[0].size(), longest_payload(SectionType::libxenguest));
    EXPECT_EQ(whole.stream[2].size(), 1U);
}

TEST(ImageStream, OfLibxenguestIsNotWrittenForAGuestWithoutAConsole) {
    MemorySink sink;
    ImageWriter writer(sink, "img", MemoryForm::libxenguest);
    EXPECT_THAT(failure_of([&] { writer.begin_stream(sample_guest().description); }).problem,
                HasSubstr("it has no console"));
    EXPECT_EQ(sink.writes, 0U);
}

TEST(ImageStream, CannotEndBeforeItsPagesDo) {
    const ByteVector bytes = image_of(sample_guest());
    test::StreamSource source(bytes);
    ImageReader reader(source, "peer");
    reader.begin();
    EXPECT_THAT(failure_of([&reader] { static_cast<void>(reader.end()); }).problem,
                HasSubstr("expected the section 'machine state' here"));
}

TEST(ImageStream, CrossesASocketInPieces) {
    std::array<int, 2> ends{};
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    const Descriptor near(ends[0]);
    const Descriptor far(ends[1]);
    // Less than a section, so that every one comes in pieces.
    const int small = 2048;
    ASSERT_EQ(setsockopt(near.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    std::thread peer([&near] {
        DescriptorSink sink(near.get(), "the peer");
        test::write_guest(sample_guest(), sink);
    });
    DescriptorSource source(far.get(), "the peer");
    ImageReader reader(source, "peer");
    reader.begin();
    std::vector<PageId> pages;
    while (const auto batch = reader.next_pages()) {
        pages.insert(pages.end(), batch->pages.begin(), batch->pages.end());
        EXPECT_EQ(batch->contents[0], std::byte{1});
        EXPECT_EQ(batch->contents[3 * page_size], std::byte{13});
    }
    EXPECT_EQ(pages.size(), 4U);
    EXPECT_EQ(reader.end(), sample_guest().state);
    peer.join();
}

TEST(ImageStream, AnnouncedBytesTakeNoMemoryBeforeTheyCome) {
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    const Descriptor out(ends[0]);
    {
        const Descriptor in(ends[1]);
        ASSERT_EQ(write(in.get(), "abc", 3), 3);
    }
    // A buffer of this size would not be had.
    DescriptorSource source(out.get(), "the peer");
    EXPECT_EQ(source.take(std::size_t{1} << 46).size(), 3U);
    EXPECT_EQ(source.take(1).size(), 0U);
}

TEST(ImageStream, ReadErrorsNameThePeer) {
    DescriptorSource source(-1, "the peer");
    const Failure failure = failure_of([&source] { static_cast<void>(source.take(1)); });
    EXPECT_EQ(failure.doing, "read from the peer");
    EXPECT_EQ(failure.error, EBADF);
}

TEST(ImageStream, FullDeviceIsAnError) {
    const Descriptor full(open("/dev/full", O_WRONLY | O_CLOEXEC));
    ASSERT_TRUE(full.is_open());
    DescriptorSink sink(full.get(), "the device");
    const Failure failure = failure_of([&sink] { test::write_guest(sample_guest(), sink); });
    EXPECT_EQ(failure.doing, "write to the device");
    EXPECT_EQ(failure.error, ENOSPC);
}

TEST(ImageStream, EveryFailedWriteShowsAndLeavesNoWholeImage) {
    MemorySink good;
    test::write_guest(sample_guest(), good);
    ASSERT_EQ(good.writes, 6U);  // header and sections
    for (std::size_t at = 0; at < good.writes; ++at) {
        MemorySink sink(at);
        const Failure failure = failure_of([&sink] { test::write_guest(sample_guest(), sink); });
        EXPECT_EQ(failure.error, ENOSPC);
        EXPECT_EQ(sink.writes, at);
        EXPECT_THAT(test::refusal_of(sink.bytes), StartsWith("truncated: "));
    }
}

}  // namespace
}  // namespace xcl::image
