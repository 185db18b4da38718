// SPDX-License-Identifier: BSD-3-Clause
// Uuid: the 16 bytes that Xen keeps for the toolstack with each domain (xen_domain_handle_t).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace xcl {

using Uuid = std::array<std::uint8_t, 16>;

// As people and libxl write it: 8-4-4-4-12 hexadecimal digits.
[[nodiscard]] std::string uuid_text(const Uuid& uuid);
// Nothing if it is none.
[[nodiscard]] std::optional<Uuid> parse_uuid(std::string_view text);

}  // namespace xcl
