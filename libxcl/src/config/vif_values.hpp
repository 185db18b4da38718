// SPDX-License-Identifier: BSD-3-Clause
// What the values in a vif are read as. Errors say what was expected.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "config/diagnostics.hpp"
#include "xcl/vif_config.hpp"

namespace xcl::config {

// A piece of a config's text and where it begins. Behind an escape (\x41) in a string its column
// is that of the resolved text.
struct Text {
    std::string_view text;
    Place place;

    // The bytes from `begin` to `end` without the blanks around them.
    [[nodiscard]] Text part(std::size_t begin, std::size_t end) const;
};

[[nodiscard]] MacAddress read_mac(const Text& value);

// The name of a bridge; empty for "auto".
[[nodiscard]] std::string read_bridge(const Text& value);

// "auto", an address, or an address with the bits of its network: "10.0.0.2/24".
[[nodiscard]] VifAddress read_address(const Text& value);

// A name without '/', or an absolute path without "..".
[[nodiscard]] std::string read_script(const Text& value);

// "10Mb/s", "250KB/s", "1MB/s@20ms".
[[nodiscard]] VifRate read_rate(const Text& value);

}  // namespace xcl::config
