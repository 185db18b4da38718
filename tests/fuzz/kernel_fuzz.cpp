// SPDX-License-Identifier: BSD-3-Clause
// libFuzzer target: any bytes as a kernel image. Whatever is accepted must keep the invariants of
// KernelImage and can be laid out; whatever is refused ends in one line of text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "kernel/image.hpp"
#include "kernel/layout.hpp"
#include "xcl/error.hpp"

namespace {

using namespace xcl::kernel;

void require(bool condition) {
    if (!condition)
        std::abort();
}

void check_image(const KernelImage& image) {
    constexpr std::uint64_t gib = std::uint64_t{1} << 30;
    require(!image.segments.empty());
    require(image.virt_base % page_size == 0);
    require(image.start % page_size == 0 && image.end % page_size == 0);
    require(image.start >= image.virt_base && image.start < image.end);
    require(image.end - image.virt_base <= gib);
    std::uint64_t free_from = image.start;
    unsigned sum = 0;
    for (const Segment& segment : image.segments) {
        require(segment.address >= free_from);
        require(segment.bytes.size() <= segment.memory_size);
        free_from = segment.address + segment.memory_size;
        require(free_from >= segment.address && free_from <= image.end);
        for (const std::byte byte : segment.bytes)
            sum += std::to_integer<unsigned>(byte);  // AddressSanitizer sees a wrong span
    }
    static_cast<void>(sum);
    require(image.entry >= image.start && image.entry < image.end);
    if (image.hypercall_page) {
        require(*image.hypercall_page % page_size == 0);
        require(*image.hypercall_page >= image.start && *image.hypercall_page < image.end);
    }
    for (const char c : image.os)
        require(c >= ' ' && c <= '~');
}

void check_layout(const KernelImage& image, std::uint64_t memory_pages, std::size_t ramdisk) {
    const BootLayout layout = plan_layout(image, memory_pages, ramdisk, ramdisk % 2 == 0);
    require(layout.stack.end() <= layout.mapped_pages);
    require(layout.mapped_pages <= memory_pages);
    require(layout.address_of(layout.mapped_pages) > layout.virt_base);
    const std::vector<std::uint64_t> p2m(layout.mapped_pages, 1);
    std::vector<std::byte> tables(layout.page_tables.count * page_size);
    fill_page_tables(layout, p2m, tables);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t limit = std::size_t{4} << 20;  // a small bomb tests as much as a big one
    const auto* bytes = reinterpret_cast<const std::byte*>(data);
    const std::uint64_t choice = size == 0 ? 0 : data[size - 1];
    try {
        const KernelImage image = parse_kernel({bytes, bytes + size}, "input", limit);
        check_image(image);
        check_layout(image, (choice + 1) << 8 << choice % 8, choice << 12);
    } catch (const xcl::Error& error) {
        const std::string_view line = error.what();
        require(!line.empty() && line.size() < 500);
        for (const char c : line)
            require(c >= ' ' && c <= '~');
    }
    return 0;
}
