// SPDX-License-Identifier: BSD-3-Clause
// Assignments: what a config says, before anybody asks what its keys mean.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostics.hpp"

namespace xcl::config {

struct Value {
    enum class Kind {
        string,  // in quotes, or plain on a command line
        number,  // the digits, not yet read
        word,    // anything else without quotes
        list,
    };

    Kind kind = Kind::string;
    std::string text;          // of all but lists
    std::vector<Value> items;  // of a list
    Place place;
    bool appended = false;  // put together by `+=`

    // Says nothing: "" or [].
    [[nodiscard]] bool empty() const { return text.empty() && items.empty(); }
};

struct Assignment {
    std::string key;
    bool append = false;  // `+=`
    Value value;
    Place place;  // of the key
};

// The assignments of a config in their order. `text` and `origin` outlive what is returned.
[[nodiscard]] std::vector<Assignment> parse_assignments(std::string_view text,
                                                        std::string_view origin);

// The one assignment of a command-line argument. A value that begins with neither a quote nor '['
// is a string to the end of the argument. `argument` and the place's origin outlive the result.
[[nodiscard]] Assignment parse_override(std::string_view argument, const Place& begin);

}  // namespace xcl::config
