// SPDX-License-Identifier: BSD-3-Clause
// Finds the packed kernel inside a Linux bzImage (Documentation/arch/x86/boot.rst).
#pragma once

#include <cstddef>
#include <span>

#include "kernel/origin.hpp"

namespace xcl::kernel {

// Whether the file carries Linux's setup header.
[[nodiscard]] bool is_bzimage(std::span<const std::byte> file) noexcept;

// The bytes of the packed kernel. Refuses an image too old to say where they are, or whose header
// points outside the file.
[[nodiscard]] std::span<const std::byte> bzimage_payload(std::span<const std::byte> file,
                                                         const Origin& origin);

}  // namespace xcl::kernel
