// SPDX-License-Identifier: BSD-3-Clause
// Unpacks what kernels are packed with, into no more memory than allowed.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "kernel/origin.hpp"

namespace xcl::kernel {

enum class Packing { none, gzip, xz, zstd };

// By the first bytes.
[[nodiscard]] Packing packing_of(std::span<const std::byte> bytes) noexcept;

// The name of a packing that Linux may use and that cannot be read here; empty for all else.
[[nodiscard]] std::string_view unreadable_packing_of(std::span<const std::byte> bytes) noexcept;

// Unpacks the first stream in `packed` and ignores what follows it: Linux appends the unpacked
// size. Refuses damaged or truncated data and a result of more than `limit` bytes. `packing` is
// not none.
[[nodiscard]] std::vector<std::byte> unpack(std::span<const std::byte> packed, Packing packing,
                                            std::size_t limit, const Origin& origin);

}  // namespace xcl::kernel
