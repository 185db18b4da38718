// SPDX-License-Identifier: BSD-3-Clause
// Checksum: XXH3 of 128 bits, which finds what was altered by accident. It is no signature.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <span>

namespace xcl::image {

// In xxHash's canonical order of bytes.
using Checksum = std::array<std::byte, 16>;

[[nodiscard]] Checksum checksum_of(std::span<const std::byte> bytes);
// From its bytes, of which there are as many.
[[nodiscard]] Checksum to_checksum(std::span<const std::byte> bytes);
// Of all parts, one behind the other.
[[nodiscard]] Checksum checksum_of(std::span<const std::span<const std::byte>> parts);

}  // namespace xcl::image
