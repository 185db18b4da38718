// SPDX-License-Identifier: BSD-3-Clause
// Contents of pages by their checksum, so that none needs to be sent twice.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <deque>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "image/bytes.hpp"
#include "image/checksum.hpp"
#include "image/guest_image.hpp"

namespace xcl::wire {

// A checksum is spread well already.
struct HashOfChecksum {
    std::size_t operator()(const image::Checksum& checksum) const {
        std::size_t hash = 0;
        std::memcpy(&hash, checksum.data(), sizeof hash);
        return hash;
    }
};

// So many contents of one guest are kept, the first that come. Source and destination count alike:
// the source refers to nothing that the destination does not keep.
inline constexpr std::size_t most_kept = 16'384;  // 64 MiB

// The pages of kernels that lie on this host, as they are in a guest's memory before it runs. Their
// contents are no secret of another guest, so any guest may be given them.
class KernelPages {
  public:
    // All kernels in a directory but the compressed ones: Linux changes itself as it starts, so few
    // of its pages stay what they are in the file. What is no kernel is passed over, and a
    // directory that is not there is empty.
    void add_directory(const std::string& directory);

    [[nodiscard]] bool empty() const { return places_.empty(); }
    // Empty if it is not known.
    [[nodiscard]] image::Bytes find(const image::Checksum& contents) const;

  private:
    void add_kernel(const std::string& path);

    std::deque<std::vector<std::byte>> kernels_;
    std::unordered_map<image::Checksum, const std::byte*, HashOfChecksum> places_;
};

// What the destination has: the kernels' pages, and those of this guest that came already.
class KeptContents {
  public:
    explicit KeptContents(const KernelPages& kernels) : kernels_(kernels) {}

    void keep(image::Bytes page);
    // Empty if it is not here.
    [[nodiscard]] image::Bytes find(const image::Checksum& contents) const;

  private:
    using Page = std::array<std::byte, image::page_size>;

    const KernelPages& kernels_;
    std::deque<Page> pages_;
    std::unordered_map<image::Checksum, const Page*, HashOfChecksum> places_;
};

// What the source knows the destination to have.
class SentContents {
  public:
    void add_known(const image::Checksum& contents) { known_.insert(contents); }
    // It was sent.
    void add_sent(const image::Checksum& contents) {
        if (sent_.size() < most_kept)
            sent_.insert(contents);
    }
    [[nodiscard]] bool has(const image::Checksum& contents) const {
        return sent_.contains(contents) || known_.contains(contents);
    }

  private:
    std::unordered_set<image::Checksum, HashOfChecksum> known_;
    std::unordered_set<image::Checksum, HashOfChecksum> sent_;
};

}  // namespace xcl::wire
