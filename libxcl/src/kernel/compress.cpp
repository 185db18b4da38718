// SPDX-License-Identifier: BSD-3-Clause
// One loop for each library: zlib, liblzma, libzstd.
#include "kernel/compress.hpp"

#define ZLIB_CONST
#include <algorithm>
#include <cstdint>
#include <memory>

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "kernel/elf.hpp"

namespace xcl::kernel {
namespace {

using namespace std::string_view_literals;

// Dictionaries of `xz -9` need 65 MiB, of `xz --lzma2=dict=128MiB` a little over twice as much.
constexpr std::uint64_t xz_memory_limit = std::uint64_t{256} << 20;

// Where unpacked bytes go: grows up to `limit`, and one byte more so that too much is noticed.
class Output final {
  public:
    Output(std::span<const std::byte> packed, std::size_t limit, const Origin& origin)
        : limit_(limit), origin_(origin), bytes_(first_size(packed, limit)) {}

    // Free space, never empty.
    [[nodiscard]] std::span<std::byte> room() {
        if (used_ > limit_)
            origin_.refuse(fmt::format("it unpacks to more than {} MiB", limit_ >> 20));
        if (used_ == bytes_.size())
            bytes_.resize(std::min(limit_ + 1, bytes_.size() * 2));
        return std::span(bytes_).subspan(used_);
    }
    void wrote(std::size_t count) noexcept { used_ += count; }

    [[nodiscard]] std::vector<std::byte> take() && {
        if (used_ > limit_)
            static_cast<void>(room());
        bytes_.resize(used_);
        return std::move(bytes_);
    }

  private:
    // gzip data and the payload of a bzImage end with the unpacked size: believed when it is
    // likely, so that a big kernel is not copied while its buffer grows.
    static std::size_t first_size(std::span<const std::byte> packed, std::size_t limit) noexcept {
        constexpr std::size_t least = 65536;
        constexpr std::size_t likely_ratio = 32;
        std::size_t size = packed.size() * 4;
        if (packed.size() >= sizeof(std::uint32_t)) {
            const std::size_t told =
                load<std::uint32_t>(packed, packed.size() - sizeof(std::uint32_t));
            if (told / likely_ratio <= packed.size())
                size = told + 1;
        }
        return std::min(std::max(size, least), limit + 1);
    }

    std::size_t limit_;
    const Origin& origin_;
    std::vector<std::byte> bytes_;
    std::size_t used_ = 0;
};

[[noreturn]] void refuse_truncated(std::string_view format, const Origin& origin) {
    origin.refuse(fmt::format("its {} data is cut short", format), "copy or download it again");
}

[[noreturn]] void refuse_damaged(std::string_view format, const Origin& origin) {
    origin.refuse(fmt::format("its {} data is damaged", format), "copy or download it again");
}

[[noreturn]] void refuse_memory(std::string_view format, const Origin& origin) {
    origin.refuse(fmt::format("its {} data needs too much memory to unpack", format),
                  "pack it with a smaller dictionary, or not at all");
}

void unpack_gzip(std::span<const std::byte> packed, Output& output, const Origin& origin) {
    z_stream stream{};
    constexpr int gzip_only = 15 + 16;  // zlib.h: largest window, gzip header
    if (inflateInit2(&stream, gzip_only) != Z_OK)
        refuse_memory("gzip", origin);
    const std::unique_ptr<z_stream, decltype(&inflateEnd)> end(&stream, inflateEnd);

    stream.next_in = reinterpret_cast<const Bytef*>(packed.data());
    stream.avail_in = static_cast<uInt>(packed.size());
    int status = Z_OK;
    while (status == Z_OK) {
        const auto room = output.room();
        stream.next_out = reinterpret_cast<Bytef*>(room.data());
        stream.avail_out = static_cast<uInt>(room.size());
        status = inflate(&stream, Z_NO_FLUSH);
        output.wrote(room.size() - stream.avail_out);
    }
    if (status == Z_BUF_ERROR)
        refuse_truncated("gzip", origin);
    if (status == Z_MEM_ERROR)
        refuse_memory("gzip", origin);
    if (status != Z_STREAM_END)
        refuse_damaged("gzip", origin);
}

void unpack_xz(std::span<const std::byte> packed, Output& output, const Origin& origin) {
    lzma_stream stream = LZMA_STREAM_INIT;
    if (lzma_stream_decoder(&stream, xz_memory_limit, 0) != LZMA_OK)
        refuse_memory("xz", origin);
    const std::unique_ptr<lzma_stream, decltype(&lzma_end)> end(&stream, lzma_end);

    stream.next_in = reinterpret_cast<const std::uint8_t*>(packed.data());
    stream.avail_in = packed.size();
    lzma_ret status = LZMA_OK;
    while (status == LZMA_OK) {
        const auto room = output.room();
        stream.next_out = reinterpret_cast<std::uint8_t*>(room.data());
        stream.avail_out = room.size();
        status = lzma_code(&stream, LZMA_FINISH);
        output.wrote(room.size() - stream.avail_out);
    }
    if (status == LZMA_BUF_ERROR)
        refuse_truncated("xz", origin);
    if (status == LZMA_MEM_ERROR || status == LZMA_MEMLIMIT_ERROR)
        refuse_memory("xz", origin);
    if (status != LZMA_STREAM_END)
        refuse_damaged("xz", origin);
}

void unpack_zstd(std::span<const std::byte> packed, Output& output, const Origin& origin) {
    const std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream(ZSTD_createDStream(),
                                                                            ZSTD_freeDStream);
    if (!stream)
        refuse_memory("zstd", origin);

    ZSTD_inBuffer input{packed.data(), packed.size(), 0};
    for (;;) {
        const auto room = output.room();
        ZSTD_outBuffer unpacked{room.data(), room.size(), 0};
        const std::size_t status = ZSTD_decompressStream(stream.get(), &unpacked, &input);
        output.wrote(unpacked.pos);
        if (status == 0)
            return;
        if (ZSTD_isError(status) != 0) {
            const ZSTD_ErrorCode code = ZSTD_getErrorCode(status);
            if (code == ZSTD_error_frameParameter_windowTooLarge ||
                code == ZSTD_error_memory_allocation)
                refuse_memory("zstd", origin);
            refuse_damaged("zstd", origin);
        }
        if (input.pos == input.size && unpacked.pos < unpacked.size)
            refuse_truncated("zstd", origin);
    }
}

}  // namespace

Packing packing_of(std::span<const std::byte> bytes) noexcept {
    if (starts_with(bytes, "\x1f\x8b\x08"sv))
        return Packing::gzip;
    if (starts_with(bytes,
                    "\xfd"
                    "7zXZ\0"sv))
        return Packing::xz;
    if (starts_with(bytes, "\x28\xb5\x2f\xfd"sv))
        return Packing::zstd;
    return Packing::none;
}

std::string_view unreadable_packing_of(std::span<const std::byte> bytes) noexcept {
    if (starts_with(bytes, "BZh"sv))
        return "bzip2";
    if (starts_with(bytes, "\x5d\0\0"sv))
        return "lzma";
    if (starts_with(bytes, "\x89LZO"sv))
        return "lzo";
    if (starts_with(bytes, "\x02\x21\x4c\x18"sv) || starts_with(bytes, "\x04\x22\x4d\x18"sv))
        return "lz4";
    return {};
}

std::vector<std::byte> unpack(std::span<const std::byte> packed, Packing packing, std::size_t limit,
                              const Origin& origin) {
    Output output(packed, limit, origin);
    switch (packing) {
        case Packing::none:
            break;
        case Packing::gzip:
            unpack_gzip(packed, output, origin);
            break;
        case Packing::xz:
            unpack_xz(packed, output, origin);
            break;
        case Packing::zstd:
            unpack_zstd(packed, output, origin);
            break;
    }
    return std::move(output).take();
}

}  // namespace xcl::kernel
