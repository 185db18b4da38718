// SPDX-License-Identifier: BSD-3-Clause
// Writes a Uuid.
#include "xcl/uuid.hpp"

#include <fmt/format.h>

namespace xcl {

std::string uuid_text(const Uuid& uuid) {
    std::string text;
    for (std::size_t i = 0; i < uuid.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            text += '-';
        text += fmt::format("{:02x}", uuid[i]);
    }
    return text;
}

}  // namespace xcl
