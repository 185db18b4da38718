// SPDX-License-Identifier: BSD-3-Clause
// What a kernel comes wrapped in: gzip, xz, zstd, bzImages, and files that are none.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <lzma.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <xen/elfnote.h>

#include "elf_builder.hpp"
#include "kernel/image.hpp"
#include "xcl/error.hpp"

namespace xcl::kernel {
namespace {

using test::Bytes;
using test::patch;
using ::testing::EndsWith;
using ::testing::HasSubstr;

constexpr std::size_t test_limit = std::size_t{1} << 20;

// A kernel that does not shrink to nothing, `size` bytes of it in the file.
Bytes kernel_file(std::size_t size = 100000) {
    std::string text(size, '\0');
    std::uint32_t state = 1;
    for (char& c : text) {
        state = state * 1664525 + 1013904223;
        c = static_cast<char>(state >> 30);
    }
    return test::ElfBuilder{}
        .load(0, text, size)
        .note_segment(test::Notes{}.text(XEN_ELFNOTE_GUEST_OS, "packed"))
        .build();
}

Bytes gzip(const Bytes& bytes) {
    z_stream stream{};
    EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    Bytes packed(deflateBound(&stream, bytes.size()));
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
    packed.resize(stream.total_out);
    deflateEnd(&stream);
    return packed;
}

// As the kernel's build does it: CRC32 and a filter for x86 code.
Bytes xz(const Bytes& bytes) {
    lzma_options_lzma options;
    EXPECT_FALSE(lzma_lzma_preset(&options, 1));
    options.dict_size = 1U << 20;
    const lzma_filter filters[] = {
        {LZMA_FILTER_X86, nullptr}, {LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, nullptr}};
    Bytes packed(lzma_stream_buffer_bound(bytes.size()));
    std::size_t used = 0;
    EXPECT_EQ(
        lzma_stream_buffer_encode(const_cast<lzma_filter*>(filters), LZMA_CHECK_CRC32, nullptr,
                                  reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(),
                                  reinterpret_cast<uint8_t*>(packed.data()), &used, packed.size()),
        LZMA_OK);
    packed.resize(used);
    return packed;
}

Bytes zstd(const Bytes& bytes) {
    Bytes packed(ZSTD_compressBound(bytes.size()));
    const std::size_t used =
        ZSTD_compress(packed.data(), packed.size(), bytes.data(), bytes.size(), 3);
    EXPECT_EQ(ZSTD_isError(used), 0U);
    packed.resize(used);
    return packed;
}

// A bzImage of boot protocol 2.08 with `sectors` of setup code (0 means 4).
Bytes bzimage(const Bytes& payload, std::uint8_t sectors = 2) {
    constexpr std::uint32_t offset = 100;
    const std::size_t payload_at = ((sectors == 0 ? 4U : sectors) + 1U) * 512U + offset;
    Bytes file(payload_at + payload.size());
    patch(file, 0x1f1, sectors);
    patch(file, 0x1fe, std::uint16_t{0xaa55});
    std::memcpy(file.data() + 0x202, "HdrS", 4);
    patch(file, 0x206, std::uint16_t{0x0208});
    patch(file, 0x248, offset);
    patch(file, 0x24c, static_cast<std::uint32_t>(payload.size()));
    std::copy(payload.begin(), payload.end(),
              file.begin() + static_cast<std::ptrdiff_t>(payload_at));
    return file;
}

Bytes with_size(Bytes packed, std::size_t unpacked_size) {
    test::append(packed, static_cast<std::uint32_t>(unpacked_size));
    return packed;
}

std::string refusal_of(Bytes file, std::size_t limit = test_limit) {
    try {
        static_cast<void>(parse_kernel(std::move(file), "k", limit));
    } catch (const Error& error) {
        return error.what();
    }
    return "accepted";
}

struct Packer {
    std::string name;
    Bytes (*pack)(const Bytes&);
};

class PackedBy : public ::testing::TestWithParam<Packer> {
  protected:
    [[nodiscard]] static Bytes pack(const Bytes& bytes) { return GetParam().pack(bytes); }
    [[nodiscard]] static std::string data() { return "its " + GetParam().name + " data "; }
};

TEST_P(PackedBy, KernelIsUnpacked) {
    const Bytes file = kernel_file();
    const auto kernel = parse_kernel(pack(file), "k");
    EXPECT_EQ(kernel.os, "packed");
    EXPECT_EQ(kernel.storage, file);
}

TEST_P(PackedBy, PayloadOfABzImageIsUnpacked) {
    const Bytes file = kernel_file();
    for (const std::uint8_t sectors : std::initializer_list<std::uint8_t>{0, 1, 39}) {
        EXPECT_EQ(parse_kernel(bzimage(pack(file), sectors), "k").storage, file);
        // Sizes that lie must not matter.
        for (const std::size_t size :
             {file.size(), file.size() - 1, std::size_t{0}, std::size_t{0xffffffff}}) {
            EXPECT_EQ(parse_kernel(bzimage(with_size(pack(file), size), sectors), "k").storage,
                      file);
        }
    }
}

TEST_P(PackedBy, DataCutShortAnywhereIsRefused) {
    const Bytes packed = pack(kernel_file(5000));
    for (std::size_t size = 8; size < packed.size(); size += 7) {
        const Bytes part(packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_THAT(refusal_of(part), EndsWith(data() + "is cut short")) << size;
        EXPECT_THAT(refusal_of(bzimage(part)), EndsWith(data() + "is cut short")) << size;
    }
}

TEST_P(PackedBy, DamagedDataIsRefused) {
    Bytes packed = pack(kernel_file(5000));
    for (std::size_t at = packed.size() / 2; at < packed.size() / 2 + 20; ++at)
        packed[at] ^= std::byte{0xff};
    EXPECT_THAT(refusal_of(packed), HasSubstr(data() + "is damaged"));
}

TEST_P(PackedBy, OutputBeyondTheLimitIsRefused) {
    const Bytes file = kernel_file(300000);
    EXPECT_EQ(refusal_of(pack(file), file.size()), "accepted");
    EXPECT_THAT(refusal_of(pack(file), file.size() - 1), HasSubstr("it unpacks to more than"));
    EXPECT_THAT(refusal_of(pack(Bytes(8 << 20))), HasSubstr("it unpacks to more than 1 MiB"));
}

TEST_P(PackedBy, SomethingElsePackedIsRefused) {
    EXPECT_THAT(refusal_of(pack(Bytes(5))), EndsWith("what it unpacks to is not an ELF file"));
    EXPECT_THAT(refusal_of(pack(Bytes{})), EndsWith("what it unpacks to is not an ELF file"));
    EXPECT_THAT(refusal_of(pack(pack(kernel_file()))),
                EndsWith("what it unpacks to is not an ELF file"));
}

INSTANTIATE_TEST_SUITE_P(Packings, PackedBy,
                         ::testing::Values(Packer{"gzip", gzip}, Packer{"xz", xz},
                                           Packer{"zstd", zstd}),
                         [](const auto& suite) { return suite.param.name; });

// Writes another LZMA2 dictionary size (as the xz format codes it) into the block header.
void set_dictionary(Bytes& packed, std::byte code) {
    constexpr std::size_t block = 12;
    const std::size_t crc_at = block + static_cast<std::size_t>(packed[block]) * 4;
    std::size_t lzma2 = block;  // filter 0x21 with 1 byte of properties
    while (packed[lzma2] != std::byte{0x21} || packed[lzma2 + 1] != std::byte{1})
        ++lzma2;
    packed[lzma2 + 2] = code;
    patch(packed, crc_at,
          lzma_crc32(reinterpret_cast<const uint8_t*>(packed.data() + block), crc_at - block, 0));
}

TEST(KernelPacking, DictionaryTooLargeIsRefused) {
    Bytes packed = xz(kernel_file(5000));
    set_dictionary(packed, std::byte{30});  // 128 MiB
    EXPECT_EQ(refusal_of(packed), "accepted");
    set_dictionary(packed, std::byte{34});  // 512 MiB
    EXPECT_THAT(refusal_of(packed), EndsWith("its xz data needs too much memory to unpack"));
}

TEST(KernelPacking, UnpackedPayloadOfABzImageIsTaken) {
    const Bytes file = kernel_file();
    EXPECT_EQ(parse_kernel(bzimage(file), "k").storage, file);
}

TEST(KernelPacking, PayloadsThatCannotBeUnpackedAreNamed) {
    const auto payload = [](std::string_view start) {
        Bytes bytes;
        test::append_text(bytes, start);
        bytes.resize(100);
        return refusal_of(bzimage(bytes));
    };
    EXPECT_THAT(payload("BZh9"), EndsWith("packed by bzip2, which cannot be unpacked here"));
    EXPECT_THAT(payload({"\x5d\0\0\1", 4}), HasSubstr("packed by lzma,"));
    EXPECT_THAT(payload("\x89LZO"), HasSubstr("packed by lzo,"));
    EXPECT_THAT(payload("\x02\x21\x4c\x18"), HasSubstr("packed by lz4,"));
    EXPECT_THAT(payload("else"), HasSubstr("a damaged payload"));
}

TEST(KernelPacking, WrongSetupHeadersAreRefused) {
    const Bytes whole = bzimage(gzip(kernel_file()));
    Bytes file = whole;
    patch(file, 0x206, std::uint16_t{0x0207});
    EXPECT_THAT(refusal_of(file), HasSubstr("boot protocol 2.07; 2.08 or later"));
    file = whole;
    patch(file, 0x24c, std::uint32_t{0});
    EXPECT_THAT(refusal_of(file), HasSubstr("without a payload"));
    file = whole;
    patch(file, 0x24c, std::uint32_t{0xffffffff});
    EXPECT_THAT(refusal_of(file), HasSubstr("cut short: its payload has 4294967295 bytes"));
    file = whole;
    patch(file, 0x248, std::uint32_t{0xffffffff});
    EXPECT_THAT(refusal_of(file), HasSubstr("cut short: its payload has"));
    file.resize(0x240);
    EXPECT_THAT(refusal_of(file), EndsWith("a Linux bzImage, but cut short"));
    file = whole;
    patch(file, 0x1fe, std::uint16_t{0});
    EXPECT_THAT(refusal_of(file), HasSubstr("it is not a kernel"));
}

TEST(KernelPacking, FileBeyondTheLimitIsRefused) {
    EXPECT_THAT(refusal_of(kernel_file(100), 50), HasSubstr("more than"));
}

// A folder that is gone after the test.
class KernelFile : public ::testing::Test {
  protected:
    KernelFile() {
        std::string name = (std::filesystem::temp_directory_path() / "kernel-XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    [[nodiscard]] std::string path(const char* name) const { return folder_ / name; }
    [[nodiscard]] std::string write(const char* name, const Bytes& bytes) const {
        std::ofstream(path(name), std::ios::binary)
            .write(reinterpret_cast<const char*>(bytes.data()),
                   static_cast<std::streamsize>(bytes.size()));
        return path(name);
    }
    static std::string refusal_of_file(const std::string& path) {
        try {
            static_cast<void>(read_kernel(path));
        } catch (const Error& error) {
            const std::string before = "cannot read the kernel '" + path + "': ";
            EXPECT_THAT(error.what(), ::testing::StartsWith(before));
            return std::string(error.what()).substr(before.size());
        }
        return "accepted";
    }

  private:
    std::filesystem::path folder_;
};

TEST_F(KernelFile, IsRead) {
    const Bytes file = kernel_file();
    EXPECT_EQ(read_kernel(write("vmunix", file)).storage, file);
    EXPECT_EQ(read_kernel(write("vmunix.gz", gzip(file))).storage, file);
}

TEST_F(KernelFile, RamdiskIsAnyBytes) {
    const Bytes bytes(12345, std::byte{7});
    EXPECT_EQ(read_ramdisk(write("initrd", bytes)), bytes);
    try {
        static_cast<void>(read_ramdisk(path("none")));
        FAIL() << "accepted";
    } catch (const Error& error) {
        EXPECT_EQ(error.what(), "cannot read the ramdisk '" + path("none") +
                                    "': open: No such file or directory");
        EXPECT_EQ(error.failure().error, ENOENT);
        EXPECT_FALSE(error.failure().hint.empty());
    }
}

TEST_F(KernelFile, WhatIsNoFileIsRefusedAtOnce) {
    EXPECT_EQ(refusal_of_file(path("missing")), "open: No such file or directory");
    EXPECT_EQ(refusal_of_file(write("empty", {})), "it is empty");
    EXPECT_EQ(refusal_of_file(path(".")), "it is a directory");
    EXPECT_EQ(refusal_of_file("/dev/zero"), "it is not a regular file");
    ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
    EXPECT_EQ(refusal_of_file(path("fifo")), "it is not a regular file");
    EXPECT_EQ(refusal_of_file(path(std::string(300, 'x').c_str())), "open: File name too long");
}

TEST_F(KernelFile, PathThatIsNoTextStaysOneLine) {
    try {
        static_cast<void>(read_kernel(std::string("/\0\nä", 5)));
        FAIL() << "accepted";
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(), "cannot read the kernel '/??ä': its path holds a zero byte");
    }
}

TEST_F(KernelFile, TooLargeAFileIsRefusedUnread) {
    const std::string large = write("large", Bytes(1));
    std::filesystem::resize_file(large, max_image_bytes + (1U << 20));
    EXPECT_EQ(refusal_of_file(large), "it has 513 MiB, more than 512");
}

}  // namespace
}  // namespace xcl::kernel
