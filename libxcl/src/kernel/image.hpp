// SPDX-License-Identifier: BSD-3-Clause
// KernelImage: a paravirtualised kernel, read, checked and ready to be laid into any number of
// guests. Knows files and formats, never Xen's interfaces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace xcl::kernel {

inline constexpr std::uint64_t page_size = 4096;

// One loadable piece of the kernel at its guest-virtual address. `bytes` come from the file; the
// rest up to memory_size is zero.
struct Segment {
    std::uint64_t address = 0;
    std::span<const std::byte> bytes;
    std::uint64_t memory_size = 0;
};

// Invariants, checked by parse_kernel: at least one segment; segments ascend and do not overlap;
// every address of every segment is >= virt_base and < virt_base + 2^30 without overflow; entry
// and (if any) hypercall_page, page aligned, lie inside [start, end).
struct KernelImage {
    std::vector<std::byte> storage;  // the uncompressed ELF file, which the segments point into
    std::vector<Segment> segments;

    std::uint64_t virt_base = 0;  // virtual address of the guest's page frame 0
    std::uint64_t entry = 0;
    std::optional<std::uint64_t> hypercall_page;
    std::uint64_t start = 0;  // first byte of the first segment, page aligned downwards
    std::uint64_t end = 0;    // end of the last segment, page aligned upwards
    std::string os;           // XEN_ELFNOTE_GUEST_OS as printable ASCII, empty if not said

    KernelImage() = default;
    KernelImage(KernelImage&&) noexcept = default;
    KernelImage& operator=(KernelImage&&) noexcept = default;
    KernelImage(const KernelImage&) = delete;  // the segments point into storage
    KernelImage& operator=(const KernelImage&) = delete;
    ~KernelImage() = default;
};

// A file larger than this, packed or unpacked, is refused.
inline constexpr std::size_t max_image_bytes = std::size_t{512} * 1024 * 1024;

// Reads ELF, ELF packed by gzip, xz or zstd, or a bzImage whose payload is one of these. `origin`
// names it in errors; `limit` bounds it, packed and unpacked, and is at most max_image_bytes.
// Throws Error saying what is wrong with it.
[[nodiscard]] KernelImage parse_kernel(std::vector<std::byte> file, std::string_view origin,
                                       std::size_t limit = max_image_bytes);

// The same for the file at `path`. Reads it once.
[[nodiscard]] KernelImage read_kernel(const std::string& path);

// A ramdisk: any bytes. Throws Error when it cannot be read, is empty or exceeds max_image_bytes.
[[nodiscard]] std::vector<std::byte> read_ramdisk(const std::string& path);

}  // namespace xcl::kernel
