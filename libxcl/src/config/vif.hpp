// SPDX-License-Identifier: BSD-3-Clause
// Reader of one vif as xl writes it: "mac=00:16:3e:00:00:01,bridge=xenbr0".
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/keys.hpp"
#include "config/vif_values.hpp"
#include "xcl/vif_config.hpp"

namespace xcl::config {

struct VifKey {
    std::string_view name;
    void (*read)(const Text& value, VifConfig& vif);
};

[[nodiscard]] std::span<const VifKey> vif_keys();
[[nodiscard]] std::span<const IgnoredKey> ignored_vif_keys();

// Reads KEY=VALUE parts with commas between them and blanks around anything. Throws Error for what
// is no such list, an unknown key, a key given twice and a wrong value.
[[nodiscard]] VifConfig read_vif(const Text& text, std::vector<std::string>& warnings);

}  // namespace xcl::config
