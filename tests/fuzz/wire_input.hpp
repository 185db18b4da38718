// SPDX-License-Identifier: BSD-3-Clause
// What an input of wire_fuzz is: its first byte says who reads the rest of it. And the guest and
// the kernel that fuzzer and seeds are about.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include <xen/elfnote.h>

#include "elf_builder.hpp"
#include "migrating.hpp"

namespace xcl::test {

enum class Reader : std::uint8_t {
    destination = 0,
    destination_with_kernels = 1,
    source = 2,
    message = 3,  // the next byte is the MessageType that is waited for
};
inline constexpr std::uint8_t readers = 4;

// Digits, so that a seed shows what it is for.
[[nodiscard]] constexpr std::byte first_byte(Reader reader) {
    return static_cast<std::byte>('0' + static_cast<char>(reader));
}
[[nodiscard]] constexpr Reader reader_of(std::uint8_t first) {
    static_assert('0' % readers == 0);
    return Reader{static_cast<std::uint8_t>(first % readers)};
}

inline constexpr char kernel_byte = 'k';

// One kernel, of a page of kernel_byte.
[[nodiscard]] inline wire::KernelPages small_kernels() {
    const ImageFolder folder;
    const std::string text(image::page_size, kernel_byte);
    const Bytes kernel = ElfBuilder{}
                             .load(0, text, text.size())
                             .note_segment(Notes{}.text(XEN_ELFNOTE_GUEST_OS, "Fuzz"))
                             .build();
    {
        std::ofstream file(folder.file("kernel"), std::ios::binary);
        file.write(reinterpret_cast<const char*>(kernel.data()),
                   static_cast<std::streamsize>(kernel.size()));
    }
    wire::KernelPages kernels;
    kernels.add_directory(folder.file(""));
    return kernels;
}

// A MiB, of which few pages are not zero: one that is the kernel's, one twice, and a table.
inline void make_sparse(FakeMemory& memory) {
    std::erase_if(memory.contents, [](const auto& page) { return page.first != 9; });
    for (const std::uint64_t pfn : {20U, 40U, 41U})
        memory.contents[pfn].assign(image::page_size,
                                    static_cast<std::byte>(pfn == 20 ? kernel_byte : 'x'));
}

}  // namespace xcl::test
