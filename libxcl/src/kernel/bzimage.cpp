// SPDX-License-Identifier: BSD-3-Clause
// The few fields of Linux's setup header that a loader of its payload needs.
#include "kernel/bzimage.hpp"

#include <cstdint>

#include "kernel/elf.hpp"

namespace xcl::kernel {
namespace {

// Offsets of the setup header's fields in the file, by their names in the boot protocol.
constexpr std::size_t setup_sects = 0x1f1;     // 1 byte
constexpr std::size_t boot_flag = 0x1fe;       // 2 bytes, 0xaa55
constexpr std::size_t header_magic = 0x202;    // 4 bytes, "HdrS"
constexpr std::size_t version = 0x206;         // 2 bytes
constexpr std::size_t payload_offset = 0x248;  // 4 bytes, from the protected-mode code
constexpr std::size_t payload_length = 0x24c;  // 4 bytes
constexpr std::size_t header_end = payload_length + 4;

constexpr std::uint16_t first_version_with_payload = 0x0208;
constexpr std::size_t sector_bytes = 512;
constexpr std::size_t default_setup_sects = 4;  // what a 0 means

}  // namespace

bool is_bzimage(std::span<const std::byte> file) noexcept {
    return file.size() >= version && load<std::uint16_t>(file, boot_flag) == 0xaa55 &&
           starts_with(file.subspan(header_magic), "HdrS");
}

std::span<const std::byte> bzimage_payload(std::span<const std::byte> file, const Origin& origin) {
    if (file.size() < header_end)
        origin.refuse("it is a Linux bzImage, but cut short", "copy or download it again");
    const auto protocol = load<std::uint16_t>(file, version);
    if (protocol < first_version_with_payload) {
        origin.refuse(fmt::format("it is a Linux bzImage of boot protocol {}.{:02}; 2.08 or later "
                                  "is needed",
                                  protocol >> 8, protocol & 0xff),
                      "use Linux 2.6.26 or later, or its unpacked vmlinux");
    }

    std::size_t sectors = load<std::uint8_t>(file, setup_sects);
    if (sectors == 0)
        sectors = default_setup_sects;
    const std::size_t offset =
        (sectors + 1) * sector_bytes + load<std::uint32_t>(file, payload_offset);
    const std::size_t length = load<std::uint32_t>(file, payload_length);
    if (length == 0)
        origin.refuse("it is a Linux bzImage without a payload");
    if (offset > file.size() || length > file.size() - offset) {
        origin.refuse(fmt::format("it is a Linux bzImage, but cut short: its payload has {} bytes "
                                  "at offset {}, the file ends at {}",
                                  length, offset, file.size()),
                      "copy or download it again");
    }
    return file.subspan(offset, length);
}

}  // namespace xcl::kernel
