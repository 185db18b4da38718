// SPDX-License-Identifier: BSD-3-Clause
// An image taken apart, to be changed and put together again whatever it says then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "image/format.hpp"
#include "image/guest_image.hpp"

namespace xcl::test {

using ByteVector = std::vector<std::byte>;

struct ImageParts {
    std::uint32_t version = image::format_version;
    std::uint16_t architecture = image::x86_64_pv;
    image::MemoryForm form = image::MemoryForm::pages;
    image::GuestDescription guest;
    std::vector<image::PageId> pages;
    std::map<std::uint64_t, ByteVector> contents;  // by PFN; the others are zero
    image::MachineState state;
    ByteVector stream;  // libxenguest's; then there are no pages and no state

    // Lies that `pages` cannot tell.
    std::optional<image::PageList> list;                // in place of that of `pages`
    std::map<std::uint64_t, image::PageId> written_as;  // what a page is in its batch
    std::vector<image::PageId> written_twice;           // once more, as zero (rounds only)
    std::uint64_t uncounted_pages = 0;                  // that the end mark leaves out
};

[[nodiscard]] ImageParts take_apart(std::span<const std::byte> bytes, const std::string& name);
// All checksums fit.
[[nodiscard]] ByteVector put_together(const ImageParts& parts);

// What can be wrong with an image.
struct Fault {
    std::string_view name;
    void (*make)(ImageParts&);
};

[[nodiscard]] std::span<const Fault> table_faults();        // page tables and types of pages
[[nodiscard]] std::span<const Fault> state_faults();        // what the guest left, but its vCPUs
[[nodiscard]] std::span<const Fault> context_faults();      // vCPUs
[[nodiscard]] std::span<const Fault> description_faults();  // memory, vifs, XenStore, header
[[nodiscard]] std::span<const Fault> stream_faults();       // libxenguest's stream

// The guest's pages, by what they are for.
[[nodiscard]] image::PageId& page_at(ImageParts& parts, std::uint64_t pfn);
[[nodiscard]] ByteVector& contents_at(ImageParts& parts, std::uint64_t pfn);
// Data that is zero and of no use: Xen, daemons and the kernel do without.
[[nodiscard]] std::uint64_t spare_page(const ImageParts& parts);
// Data that is not zero, nor any of the pages that the state names.
[[nodiscard]] std::uint64_t filled_page(const ImageParts& parts);

}  // namespace xcl::test
