// SPDX-License-Identifier: BSD-3-Clause
// Uuid: the 16 bytes that Xen keeps for the toolstack with each domain (xen_domain_handle_t).
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace xcl {

using Uuid = std::array<std::uint8_t, 16>;

// As people and libxl write it: 8-4-4-4-12 hexadecimal digits.
[[nodiscard]] std::string uuid_text(const Uuid& uuid);

}  // namespace xcl
