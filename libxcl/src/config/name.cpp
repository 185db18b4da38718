// SPDX-License-Identifier: BSD-3-Clause
// Checks guests' names.
#include "config/name.hpp"

#include <fmt/format.h>

#include "config/utf8.hpp"
#include "xcl/guest_config.hpp"

namespace xcl::config {

std::string fault_of_name(std::string_view name) {
    if (name.size() > GuestConfig::max_name)
        return fmt::format("of at most {} bytes", GuestConfig::max_name);
    if (!is_plain_text(name))
        return "of UTF-8 text without control characters";
    if (name.find('/') != std::string_view::npos)
        return "without '/'";
    return {};
}

}  // namespace xcl::config
