// SPDX-License-Identifier: BSD-3-Clause
// The one place that knows xxHash. It is compiled in here, so nothing links to it.
#include "image/checksum.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace xcl::image {
namespace {

Checksum canonical(XXH128_hash_t hash) {
    XXH128_canonical_t bytes;
    XXH128_canonicalFromHash(&bytes, hash);
    return std::bit_cast<Checksum>(bytes);
}

}  // namespace

Checksum to_checksum(std::span<const std::byte> bytes) {
    Checksum checksum{};
    std::copy_n(bytes.begin(), checksum.size(), checksum.begin());
    return checksum;
}

Checksum checksum_of(std::span<const std::byte> bytes) {
    return canonical(XXH3_128bits(bytes.data(), bytes.size()));
}

Checksum checksum_of(std::span<const std::span<const std::byte>> parts) {
    XXH3_state_t state;
    // They fail for null pointers only.
    static_cast<void>(XXH3_128bits_reset(&state));
    for (const std::span<const std::byte> part : parts)
        if (!part.empty())
            static_cast<void>(XXH3_128bits_update(&state, part.data(), part.size()));
    return canonical(XXH3_128bits_digest(&state));
}

}  // namespace xcl::image
