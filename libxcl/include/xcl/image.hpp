// SPDX-License-Identifier: BSD-3-Clause
// What a program can learn of an image, a suspended guest in a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "xcl/vif_config.hpp"

namespace xcl {

struct ImageInfo {
    std::uint32_t version = 0;  // of the format
    std::string name;           // of the guest, empty if it has none
    std::uint64_t memory_kib = 0;
    std::uint64_t pages = 0;       // that the guest owns, or will own
    std::uint64_t zero_pages = 0;  // of these; they take no room in the file
    bool by_libxenguest = false;  // its memory is a stream of libxenguest's: zero_pages is not told
    std::uint64_t bytes = 0;      // of the file
    std::uint16_t vcpus = 0;
    std::vector<VifConfig> vifs;  // each with its MAC address
    std::size_t store_entries = 0;
};

// Reads the image whole and checks all of it. Throws Error for a file that cannot be read, and for
// one that is truncated, altered, of another version or architecture, or makes no sense.
[[nodiscard]] ImageInfo read_image_info(const std::string& path);

}  // namespace xcl
