// SPDX-License-Identifier: BSD-3-Clause
// What an image holds of a guest besides its machine state, as plain data: what it is to be made
// again with, and which pages it owns.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "image/machine_state.hpp"
#include "xcl/guest_config.hpp"

namespace xcl::image {

inline constexpr std::size_t page_size = 4096;
// Entries in a page of the p2m.
inline constexpr std::uint64_t p2m_entries = page_size / sizeof(std::uint64_t);
inline constexpr std::uint64_t pages_per_mib = (std::uint64_t{1} << 20) / page_size;

// A node of the guest's directory in XenStore that goes with it.
struct StoreEntry {
    std::string path;   // relative to the domain's directory: "data/motd"
    std::string value;  // any bytes

    friend bool operator==(const StoreEntry&, const StoreEntry&) = default;
};

// What is needed to make it a guest again.
struct GuestDescription {
    // Without kernel, ramdisk and cmdline, which nothing needs any more. The name may be empty.
    // `memory_mib` is memory_pages, rounded up. Every vif has its MAC address.
    GuestConfig config;
    std::vector<std::uint16_t> vif_numbers;  // of config.vifs, ascending: a detached one is a gap
    std::uint64_t pfn_end = 0;               // every PFN that the image names is less
    std::uint64_t memory_pages = 0;          // that it owns, or will own
    std::vector<StoreEntry> store;
};

// Pages in a row, alike but for their PFNs.
struct PageRun {
    PageId first;
    std::uint64_t count = 0;

    [[nodiscard]] std::uint64_t end() const { return first.pfn + count; }

    friend bool operator==(const PageRun&, const PageRun&) = default;
};

// Pages, PFNs ascending and without duplicates. Kept as runs: 20 bytes of an image may stand for
// 2^32 pages, so they are laid out one by one only where the host has that much memory.
struct PageList {
    std::vector<PageRun> runs;
    std::uint64_t count = 0;  // of pages

    friend bool operator==(const PageList&, const PageList&) = default;
};

[[nodiscard]] PageList to_list(std::span<const PageId> pages);
[[nodiscard]] std::vector<PageId> to_pages(const PageList& list);
// Nothing but the PFNs, as Hypervisor::restore takes them.
[[nodiscard]] std::vector<std::uint64_t> to_pfns(const PageList& list);

// Bounds. A guest beyond one cannot be written, and an image beyond one is refused.
inline constexpr std::uint64_t max_pages = GuestConfig::max_memory_mib * pages_per_mib;
inline constexpr std::size_t max_store_entries = 4096;
inline constexpr std::size_t max_store_path = 2048;  // XENSTORE_REL_PATH_MAX, xen/io/xs_wire.h
// Path, NUL and value of a write fill a message at most (XENSTORE_PAYLOAD_MAX, 4096); the path is
// then "/local/domain/65535/" and this one.
inline constexpr std::size_t max_store_write = 4096 - 20;
// Where in its directory a guest's own nodes are. The rest the toolstack writes.
inline constexpr std::array<std::string_view, 3> store_roots{"attr", "control", "data"};
// Of a vCPU; Xen 4.17's are 5168, 128, about 11,000 with AMX, and 16 for each MSR.
inline constexpr std::size_t max_context = std::size_t{16} << 10;
inline constexpr std::size_t max_extended = std::size_t{4} << 10;
inline constexpr std::size_t max_xsave = std::size_t{64} << 10;
inline constexpr std::size_t max_msrs = std::size_t{16} << 10;

// What is wrong with it, a clause: "its name is not one: expected …". Empty if nothing is.
[[nodiscard]] std::string fault_of(const GuestDescription& guest);
// The same of one whose memory is libxenguest's to restore.
[[nodiscard]] std::string fault_for_libxenguest(const GuestDescription& guest);
[[nodiscard]] std::string fault_of(const PageList& list, const GuestDescription& guest);
[[nodiscard]] std::string fault_of(const MachineState& state, const PageList& list,
                                   const GuestDescription& guest);

}  // namespace xcl::image
