// SPDX-License-Identifier: BSD-3-Clause
// Contents by their checksum: which files give a kernel's pages, and that both sides of a migration
// count alike what was sent.
#include <cstring>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <zlib.h>

#include <xen/elfnote.h>

#include "elf_builder.hpp"
#include "image_samples.hpp"
#include "suspending.hpp"
#include "wire/contents.hpp"

namespace xcl::wire {
namespace {

using image::page_size;
using test::ByteVector;
using test::ImageFolder;

// Five pages: one of 'a'; one that two segments share, with a gap between them; one of 'c' up to
// its middle; one that no segment has; and one of which only memory is said.
ByteVector kernel_file() {
    const auto text = [](char c, std::size_t count) { return std::string(count, c); };
    return test::ElfBuilder{}
        .load(0, text('a', page_size + 0x400), page_size + 0x500)
        .load(page_size + 0x800, text('c', page_size), page_size)
        .load(4 * page_size, "", page_size)
        .note_segment(test::Notes{}.text(XEN_ELFNOTE_GUEST_OS, "Test"))
        .build();
}

void put(ByteVector& page, std::size_t at, std::size_t count, char c) {
    std::fill_n(page.begin() + static_cast<std::ptrdiff_t>(at), count, static_cast<std::byte>(c));
}

std::vector<ByteVector> kernel_pages() {
    std::vector<ByteVector> pages(3, ByteVector(page_size));
    put(pages[0], 0, page_size, 'a');
    put(pages[1], 0, 0x400, 'a');
    put(pages[1], 0x800, 0x800, 'c');
    put(pages[2], 0, 0x800, 'c');
    return pages;
}

void write_file(const std::string& path, const ByteVector& bytes) {
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    ASSERT_TRUE(file.good());
}

ByteVector packed(const ByteVector& bytes) {
    z_stream stream{};
    EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    ByteVector result(deflateBound(&stream, bytes.size()));
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(result.data());
    stream.avail_out = static_cast<uInt>(result.size());
    EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
    result.resize(stream.total_out);
    deflateEnd(&stream);
    return result;
}

bool finds(const KernelPages& kernels, const ByteVector& page) {
    const image::Bytes found = kernels.find(image::checksum_of(page));
    return std::ranges::equal(found, page);
}

TEST(WireContents, PagesOfAKernelAreAsInTheGuestsMemory) {
    const ImageFolder folder;
    write_file(folder.file("kernel"), kernel_file());
    KernelPages kernels;
    kernels.add_directory(folder.file(""));
    EXPECT_FALSE(kernels.empty());
    for (const ByteVector& page : kernel_pages())
        EXPECT_TRUE(finds(kernels, page));
    EXPECT_FALSE(finds(kernels, test::page_of('c')));  // which it has nowhere in one page
    EXPECT_TRUE(kernels.find(image::checksum_of(ByteVector(page_size))).empty());
}

TEST(WireContents, KernelNeedNotBeginWithAPage) {
    const ImageFolder folder;
    write_file(folder.file("kernel"),
               test::ElfBuilder{}
                   .load(page_size + 0x10, "code", 0x10)
                   .entry(page_size + 0x10)
                   .note_segment(test::Notes{}.text(XEN_ELFNOTE_GUEST_OS, "Test"))
                   .build());
    KernelPages kernels;
    kernels.add_directory(folder.file(""));
    ByteVector page(page_size);
    std::memcpy(page.data() + 0x10, "code", 4);
    EXPECT_TRUE(finds(kernels, page));
}

TEST(WireContents, WhatIsNoKernelIsPassedOver) {
    const ImageFolder folder;
    write_file(folder.file("packed"), packed(kernel_file()));
    write_file(folder.file("text"), test::page_of('x'));
    write_file(folder.file("empty"), {});
    ByteVector broken = kernel_file();
    broken.resize(broken.size() / 2);
    write_file(folder.file("broken"), broken);
    std::filesystem::create_directory(folder.file("directory"));
    write_file(folder.file("directory/kernel"), kernel_file());
    KernelPages kernels;
    kernels.add_directory(folder.file(""));
    kernels.add_directory(folder.file("missing"));
    kernels.add_directory(folder.file("text"));
    EXPECT_TRUE(kernels.empty());
}

TEST(WireContents, KernelIsFoundAmongWhatIsNone) {
    const ImageFolder folder;
    for (int i = 0; i < 20; ++i) {
        const std::string number = std::to_string(i);
        std::filesystem::create_symlink("nowhere", folder.file("dangling" + number));
        std::filesystem::create_directory(folder.file("directory" + number));
        write_file(folder.file("text" + number), test::page_of('x'));
        if (i == 10)
            write_file(folder.file("kernel"), kernel_file());
    }
    KernelPages kernels;
    kernels.add_directory(folder.file(""));
    for (const ByteVector& page : kernel_pages())
        EXPECT_TRUE(finds(kernels, page));
}

TEST(WireContents, LinkToAKernelIsOne) {
    const ImageFolder elsewhere;
    const ImageFolder folder;
    write_file(elsewhere.file("kernel"), kernel_file());
    std::filesystem::create_symlink(elsewhere.file("kernel"), folder.file("link"));
    KernelPages kernels;
    kernels.add_directory(folder.file(""));
    EXPECT_FALSE(kernels.empty());
}

// Memory is not taken before it is known to be little.
TEST(WireContents, KernelThatClaimsMuchMemoryIsPassedOver) {
    const ImageFolder folder;
    write_file(folder.file("kernel"),
               test::ElfBuilder{}
                   .load(0, "code", std::size_t{17} << 20)
                   .note_segment(test::Notes{}.text(XEN_ELFNOTE_GUEST_OS, "Test"))
                   .build());
    KernelPages kernels;
    kernels.add_directory(folder.file(""));
    EXPECT_TRUE(kernels.empty());
}

ByteVector page_numbered(std::uint64_t number) {
    ByteVector page(page_size, std::byte{1});
    std::memcpy(page.data(), &number, sizeof number);
    return page;
}

TEST(WireContents, BothSidesStopCountingAtTheSameMoment) {
    const KernelPages none;
    KeptContents kept(none);
    SentContents sent;
    const auto send = [&](std::uint64_t number) {
        const ByteVector page = page_numbered(number);
        kept.keep(page);
        sent.add_sent(image::checksum_of(page));
    };
    const auto both_have = [&](std::uint64_t number) {
        const ByteVector page = page_numbered(number);
        const image::Checksum checksum = image::checksum_of(page);
        const image::Bytes found = kept.find(checksum);
        EXPECT_TRUE(found.empty() || std::ranges::equal(found, page)) << number;
        EXPECT_EQ(!found.empty(), sent.has(checksum)) << number;
        return !found.empty();
    };
    for (std::uint64_t number = 0; number < most_kept - 1; ++number) {
        send(number);
        if (number % 3 == 0)
            send(number / 2);  // again: it does not count
    }
    EXPECT_FALSE(both_have(most_kept - 1));
    send(most_kept - 1);
    EXPECT_TRUE(both_have(most_kept - 1));
    send(most_kept);
    send(most_kept + 1);
    EXPECT_FALSE(both_have(most_kept));
    EXPECT_FALSE(both_have(most_kept + 1));
    for (std::uint64_t number = 0; number < most_kept; number += 97)
        EXPECT_TRUE(both_have(number));
}

TEST(WireContents, DestinationHasKernelsAndWhatCame) {
    const ImageFolder folder;
    write_file(folder.file("kernel"), kernel_file());
    KernelPages kernels;
    kernels.add_directory(folder.file(""));
    KeptContents kept(kernels);
    const image::Checksum of_kernel = image::checksum_of(kernel_pages().front());
    const image::Checksum other = image::checksum_of(page_numbered(5));
    EXPECT_FALSE(kept.find(of_kernel).empty());
    EXPECT_TRUE(kept.find(other).empty());
    kept.keep(page_numbered(5));
    EXPECT_FALSE(kept.find(other).empty());
    EXPECT_TRUE(kernels.find(other).empty());
}

}  // namespace
}  // namespace xcl::wire
