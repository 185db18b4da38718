// SPDX-License-Identifier: BSD-3-Clause
// The bytes of an image, for file and wire. All numbers are little-endian.
//
//   header    magic, u32 version, u16 architecture, u16 memory form, u64 flags (0), checksum
//   section   u32 type, u32 number (from 0), u64 length, payload, checksum of all these
//   …         description, page list, pages…, machine state, end
//             MemoryForm::rounds: description and page list once more before the machine state, as
//             they are then, and references and marks between the pages
//             MemoryForm::libxenguest: description, parts of the stream…, description as it is
//             then, end
//
// A checksum is that of checksum.hpp. The end mark holds one over all checksums before it, so no
// section can be lost, doubled or moved. A page list and the head of a batch of pages are runs:
// u64 first PFN, u32 count, u8 type, u8 flags, u16 0. A batch is the u64 count of its runs, these,
// and the contents of their pages in the same order. References are their u64 count, and of each
// the u64 PFN and the checksum of its contents, which the reader has.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "image/guest_image.hpp"

namespace xcl::image {

// The first byte is no text, the last shows a transfer that "mends" line ends.
inline constexpr std::array<std::uint8_t, 8> magic{0x89, 'X', 'C', 'L', 'I', 'M', 'G', '\n'};
inline constexpr std::uint32_t format_version = 1;
inline constexpr std::uint16_t x86_64_pv = 1;

// How the memory is held.
enum class MemoryForm : std::uint16_t {
    pages = 1,   // every page at most once, ascending; the others are zero
    rounds = 2,  // pages of a guest that ran meanwhile, any number of times; the last one counts
    libxenguest = 3,  // the stream of xc_domain_save, with which only xc_domain_restore deals
};

enum class SectionType : std::uint32_t {
    description = 1,
    page_list = 2,
    pages = 3,
    machine_state = 4,
    end = 5,
    libxenguest = 6,  // a part of that stream
    references = 7,   // of a wire only, MemoryForm::rounds
    mark = 8,         // of a wire only: the writer waits for a word of the reader's
};

[[nodiscard]] constexpr std::string_view name_of(SectionType type) {
    switch (type) {
        case SectionType::description:
            return "guest";
        case SectionType::page_list:
            return "page list";
        case SectionType::pages:
            return "pages";
        case SectionType::machine_state:
            return "machine state";
        case SectionType::end:
            return "end";
        case SectionType::libxenguest:
            return "part of libxenguest's stream";
        case SectionType::references:
            return "references";
        case SectionType::mark:
            return "mark";
    }
    return "of an unknown type";
}

inline constexpr std::size_t header_bytes = 24;
inline constexpr std::size_t section_header_bytes = 16;
inline constexpr std::size_t checksum_bytes = 16;
inline constexpr std::size_t run_bytes = 16;
inline constexpr std::size_t reference_bytes = sizeof(std::uint64_t) + checksum_bytes;
inline constexpr std::size_t mark_bytes = sizeof(std::uint64_t);  // u64 pages so far
inline constexpr std::size_t end_bytes = 32;  // u64 sections before it, u64 pages, a checksum

// Flags of a run.
inline constexpr std::uint8_t run_pinned = 1;
inline constexpr std::uint8_t run_zero = 2;  // in a batch: it has no contents there

// Pages with contents in a batch, and runs.
inline constexpr std::size_t max_batch = 256;
inline constexpr std::size_t max_batch_runs = 1024;
inline constexpr std::size_t max_references = 1024;

// Whether an image that holds its memory so may have sections of that type.
[[nodiscard]] constexpr bool may_have(MemoryForm form, SectionType type) {
    switch (type) {
        case SectionType::description:
        case SectionType::end:
            return true;
        case SectionType::page_list:
        case SectionType::pages:
        case SectionType::machine_state:
            return form != MemoryForm::libxenguest;
        case SectionType::references:
        case SectionType::mark:
            return form == MemoryForm::rounds;
        case SectionType::libxenguest:
            return form == MemoryForm::libxenguest;
    }
    return false;
}

// The longest payload of each type, so that no length needs to be believed.
[[nodiscard]] constexpr std::uint64_t longest_payload(SectionType type) {
    switch (type) {
        case SectionType::description:
            return std::uint64_t{24} << 20;  // 512 lists of 4,095 CPUs, 4,096 nodes
        case SectionType::page_list:
            return std::uint64_t{1} << 30;  // 256 GiB whose every second page differs
        case SectionType::pages:
            return sizeof(std::uint64_t) + max_batch_runs * run_bytes + max_batch * page_size;
        case SectionType::machine_state:
            return std::uint64_t{256} << 20;  // 512 vCPUs of 100 KiB, and a p2m of 12 TiB
        case SectionType::end:
            return end_bytes;
        case SectionType::references:
            return sizeof(std::uint64_t) + max_references * reference_bytes;
        case SectionType::mark:
            return mark_bytes;
        case SectionType::libxenguest:
            return std::uint64_t{1} << 20;
    }
    return 0;
}

}  // namespace xcl::image
