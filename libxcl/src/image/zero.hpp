// SPDX-License-Identifier: BSD-3-Clause
// Whether memory is zero, at the speed of the CPU's widest loads.
#pragma once

#include <cstddef>
#include <span>

namespace xcl::image {

// `bytes` come in multiples of 1,024, which are looked at before it is known whether to go on.
[[nodiscard]] bool is_zero(std::span<const std::byte> bytes);

}  // namespace xcl::image
