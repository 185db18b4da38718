// SPDX-License-Identifier: BSD-3-Clause
// The little of UTF-8 that a config reader needs: characters, and which of them are controls.
#pragma once

#include <cstddef>
#include <string_view>

namespace xcl::config {

// The bytes of the well-formed character that `bytes` begins with; 0 if there is none.
// Well-formed as in table 3-7 of the Unicode standard: no overlong forms, no surrogates.
[[nodiscard]] std::size_t character_length(std::string_view bytes);

// Whether this one character is a control: C0, DEL, or C1 (U+0080 to U+009F), which some terminals
// obey as well.
[[nodiscard]] bool is_control(std::string_view character);

// Whether all of `bytes` is well-formed and free of controls.
[[nodiscard]] bool is_plain_text(std::string_view bytes);

}  // namespace xcl::config
