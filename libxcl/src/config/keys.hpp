// SPDX-License-Identifier: BSD-3-Clause
// The keys of a guest config: a table from a key's name to how its value is read.
#pragma once

#include <span>
#include <string_view>

#include "config/draft.hpp"
#include "config/syntax.hpp"

namespace xcl::config {

struct Key {
    std::string_view name;
    void (*read)(const Value& value, Draft& draft);
};

// A key of xl.cfg that nothing here acts on.
struct IgnoredKey {
    std::string_view name;
    std::string_view why;  // why not, in a few words; empty where the name says it
};

[[nodiscard]] std::span<const Key> keys();
[[nodiscard]] std::span<const IgnoredKey> ignored_keys();

}  // namespace xcl::config
