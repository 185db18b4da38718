// SPDX-License-Identifier: BSD-3-Clause
// From the bytes of a file to a KernelImage that keeps its invariants.
#include "kernel/image.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "kernel/bzimage.hpp"
#include "kernel/compress.hpp"
#include "kernel/elf.hpp"
#include "kernel/file.hpp"
#include "kernel/notes.hpp"
#include "kernel/origin.hpp"

namespace xcl::kernel {
namespace {

constexpr std::uint64_t max_kernel_bytes = std::uint64_t{1} << 30;

bool is_elf(std::span<const std::byte> bytes) {
    return starts_with(bytes, {ELFMAG, SELFMAG});
}

std::vector<std::byte> unpack_to_elf(std::span<const std::byte> packed, std::size_t limit,
                                     const Origin& origin) {
    auto unpacked = unpack(packed, packing_of(packed), limit, origin);
    if (!is_elf(unpacked))
        origin.refuse("what it unpacks to is not an ELF file");
    return unpacked;
}

// Takes off whatever an ELF file comes wrapped in.
std::vector<std::byte> unwrap(std::vector<std::byte> file, std::size_t limit,
                              const Origin& origin) {
    if (file.size() > limit)
        origin.refuse(fmt::format("it has {} MiB, more than {}", file.size() >> 20, limit >> 20));
    if (file.empty())
        origin.refuse("it is empty");
    if (is_elf(file))
        return file;
    if (packing_of(file) != Packing::none)
        return unpack_to_elf(file, limit, origin);
    if (!is_bzimage(file)) {
        origin.refuse("it is not a kernel: neither ELF, nor packed ELF, nor a Linux bzImage",
                      "give the path of a paravirtualised kernel");
    }

    const auto payload = bzimage_payload(file, origin);
    if (packing_of(payload) != Packing::none)
        return unpack_to_elf(payload, limit, origin);
    if (is_elf(payload))
        return {payload.begin(), payload.end()};
    if (const auto packing = unreadable_packing_of(payload); !packing.empty()) {
        origin.refuse(fmt::format("it is a Linux bzImage packed by {}, which cannot be unpacked "
                                  "here",
                                  packing),
                      "use its unpacked vmlinux, or pack it by gzip, xz or zstd");
    }
    origin.refuse("it is a Linux bzImage with a damaged payload", "copy or download it again");
}

Segment make_segment(const ElfFile& elf, const Elf64_Phdr& header, std::size_t index,
                     const XenNotes& notes, const Origin& origin) {
    const auto name = fmt::format("segment {}", index);
    if (header.p_filesz > header.p_memsz) {
        origin.refuse(fmt::format("{} has {} bytes in the file, but only {} in memory", name,
                                  header.p_filesz, header.p_memsz));
    }
    if (header.p_paddr < notes.paddr_offset) {
        origin.refuse(fmt::format("{} lies at 0x{:x}, below the notes' paddr_offset 0x{:x}", name,
                                  header.p_paddr, notes.paddr_offset));
    }
    const std::uint64_t offset = header.p_paddr - notes.paddr_offset;
    if (offset > max_kernel_bytes || header.p_memsz > max_kernel_bytes - offset) {
        origin.refuse(
            fmt::format("{} has 0x{:x} bytes at 0x{:x}: beyond the first GiB of the "
                        "guest's memory",
                        name, header.p_memsz, offset));
    }
    // The last page of the address space stays free, so that `end` is a number.
    if (offset + header.p_memsz >
        std::numeric_limits<std::uint64_t>::max() - page_size - notes.virt_base) {
        origin.refuse(
            fmt::format("{} has 0x{:x} bytes at 0x{:x} above virt_base 0x{:x}: beyond "
                        "the address space",
                        name, header.p_memsz, offset, notes.virt_base));
    }
    return {notes.virt_base + offset, elf.bytes(header.p_offset, header.p_filesz, name),
            header.p_memsz};
}

std::vector<Segment> read_segments(const ElfFile& elf, const XenNotes& notes,
                                   const Origin& origin) {
    std::vector<Segment> segments;
    std::size_t index = 0;
    for (const Elf64_Phdr& header : elf.program_headers()) {
        if (header.p_type == PT_LOAD && (header.p_memsz != 0 || header.p_filesz != 0))
            segments.push_back(make_segment(elf, header, index, notes, origin));
        ++index;
    }
    if (segments.empty())
        origin.refuse("it has no segment to load");

    std::sort(segments.begin(), segments.end(),
              [](const Segment& a, const Segment& b) { return a.address < b.address; });
    for (std::size_t next = 1; next < segments.size(); ++next) {
        const Segment& below = segments[next - 1];
        const Segment& above = segments[next];
        if (above.address < below.address + below.memory_size) {
            origin.refuse(
                fmt::format("two of its segments overlap: 0x{:x} to 0x{:x}, and one "
                            "from 0x{:x}",
                            below.address, below.address + below.memory_size, above.address));
        }
    }
    return segments;
}

void check_addresses(const KernelImage& image, const Origin& origin) {
    const auto inside = [&image](std::uint64_t address) {
        return address >= image.start && address < image.end;
    };
    if (!inside(image.entry)) {
        origin.refuse(
            fmt::format("its entry point 0x{:x} lies outside its memory, 0x{:x} to "
                        "0x{:x}",
                        image.entry, image.start, image.end));
    }
    if (!image.hypercall_page)
        return;
    if (*image.hypercall_page % page_size != 0) {
        origin.refuse(fmt::format("its hypercall page 0x{:x} is not the address of a page",
                                  *image.hypercall_page));
    }
    if (!inside(*image.hypercall_page)) {
        origin.refuse(
            fmt::format("its hypercall page 0x{:x} lies outside its memory, 0x{:x} to "
                        "0x{:x}",
                        *image.hypercall_page, image.start, image.end));
    }
}

}  // namespace

KernelImage parse_kernel(std::vector<std::byte> file, std::string_view origin_name,
                         std::size_t limit) {
    const Origin origin("kernel", origin_name);
    KernelImage image;
    image.storage = unwrap(std::move(file), limit, origin);

    const ElfFile elf(image.storage, origin);
    XenNotes notes = read_notes(elf, origin);
    if (notes.virt_base % page_size != 0) {
        origin.refuse(
            fmt::format("its virt_base 0x{:x} is not the address of a page", notes.virt_base));
    }
    if (notes.virt_base > std::numeric_limits<std::uint64_t>::max() - 2 * page_size)
        origin.refuse(fmt::format("its virt_base 0x{:x} leaves no room above it", notes.virt_base));

    image.segments = read_segments(elf, notes, origin);
    image.virt_base = notes.virt_base;
    image.entry = notes.entry;
    image.hypercall_page = notes.hypercall_page;
    image.os = std::move(notes.os);
    const Segment& last = image.segments.back();
    image.start = image.segments.front().address & ~(page_size - 1);
    image.end = (last.address + last.memory_size + page_size - 1) & ~(page_size - 1);
    check_addresses(image, origin);
    return image;
}

KernelImage read_kernel(const std::string& path) {
    return parse_kernel(read_file(path, max_image_bytes, Origin("kernel", path)), path);
}

std::vector<std::byte> read_ramdisk(const std::string& path) {
    return read_file(path, max_image_bytes, Origin("ramdisk", path));
}

}  // namespace xcl::kernel
