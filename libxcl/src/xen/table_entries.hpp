// SPDX-License-Identifier: BSD-3-Clause
// Page tables on their way to an image and back: frame numbers in their entries are exchanged, and
// nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "image/guest_image.hpp"

namespace xcl::xen {

using image::PageType;

namespace table {

using Entry = std::uint64_t;
inline constexpr std::size_t entries = image::page_size / sizeof(Entry);
inline constexpr Entry present = 1;
inline constexpr Entry large = 1U << 7;  // PSE: names a large page, not a table
inline constexpr unsigned frame_shift = 12;
inline constexpr Entry frame_bits = ((Entry{1} << 40) - 1) << frame_shift;  // 12 to 51

[[nodiscard]] constexpr std::uint64_t frame_of(Entry entry) {
    return (entry & frame_bits) >> frame_shift;
}

}  // namespace table

// Xen's own slots of every level 4 table (xen/arch-x86/xen-x86_64.h, HYPERVISOR_VIRT_START): they
// map the host.
inline constexpr std::size_t first_slot_of_xen = 256;
inline constexpr std::size_t end_of_slots_of_xen = 272;

// Copies a table; `exchange` turns the frame of a present entry into another, or into nothing. An
// entry that is not present is the guest's own business and stays. Returns the first frame that
// could not be exchanged; `to` is then good for nothing.
template <typename Exchange>
std::optional<std::uint64_t> exchange_frames(PageType type, const std::byte* from, std::byte* to,
                                             Exchange&& exchange) {
    for (std::size_t i = 0; i < table::entries; ++i) {
        table::Entry entry = 0;
        std::memcpy(&entry, from + i * sizeof entry, sizeof entry);
        if (type == PageType::l4_table && i >= first_slot_of_xen && i < end_of_slots_of_xen)
            entry = 0;
        if ((entry & table::present) != 0) {
            const std::optional<std::uint64_t> other = exchange(table::frame_of(entry));
            if (!other)
                return table::frame_of(entry);
            entry = (entry & ~table::frame_bits) | *other << table::frame_shift;
        }
        std::memcpy(to + i * sizeof entry, &entry, sizeof entry);
    }
    return std::nullopt;
}

}  // namespace xcl::xen
