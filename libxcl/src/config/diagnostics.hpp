// SPDX-License-Identifier: BSD-3-Clause
// Where something stands in a config, and how errors and warnings speak about it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace xcl::config {

// A place in a text. Lines and columns count from 1, columns in characters (not bytes).
struct Place {
    std::string_view origin;  // whose text it is; outlives the parse
    std::size_t line = 1;
    std::size_t column = 1;
};

// "guest.cfg:3:10: TEXT"
[[nodiscard]] std::string at(const Place& place, std::string_view text);

// `bytes` fit for an error line: UTF-8 passes, control characters and other bytes become \xNN, so
// that nothing a config holds reaches a terminal as an escape; a long text is cut with "...".
[[nodiscard]] std::string printable(std::string_view bytes);

// The same for an origin, which is the caller's own and never cut.
[[nodiscard]] std::string printable_origin(std::string_view origin);

// `bytes` as printable, in single quotes, or "an empty string".
[[nodiscard]] std::string quoted(std::string_view bytes);

// Throws Error of kind bad_config. `hint` says what to do next, where that is not plain.
[[noreturn]] void fail(const Place& place, std::string_view problem, std::string hint = {});

// The same for what concerns a text as a whole: "guest.cfg: PROBLEM".
[[noreturn]] void fail(std::string_view origin, std::string_view problem, std::string hint = {});

// Throws the error for a config that is longer than max_config_bytes.
[[noreturn]] void fail_on_size(std::string_view origin, std::size_t bytes);

}  // namespace xcl::config
