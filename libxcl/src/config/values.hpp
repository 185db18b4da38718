// SPDX-License-Identifier: BSD-3-Clause
// What a value can be read as: a string, a number, one of some words. Errors say what was expected.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "config/syntax.hpp"

namespace xcl::config {

// A number as xl writes it: decimal, octal after a 0, hexadecimal after 0x.
struct Number {
    enum class Kind { number, negative, too_big, none };

    Kind kind = Kind::none;
    std::uint64_t value = 0;  // of a number
};

[[nodiscard]] Number parse_number(std::string_view text);

// How an error names a value that was not expected: "'abc'", "a list", "an empty string".
[[nodiscard]] std::string found(const Value& value);

// A string, or the digits of a bare number. `expected` names it: "a list of CPUs".
[[nodiscard]] std::string read_string(const Value& value, std::string_view expected);

// The same, but not empty.
[[nodiscard]] std::string read_filled_string(const Value& value, std::string_view expected);

// A number from `low` to `high`, in quotes or not. `unit` is a plural: "vCPUs".
[[nodiscard]] std::uint64_t read_number(const Value& value, std::string_view unit,
                                        std::uint64_t low, std::uint64_t high);

// The index in `choices` of the word that the value is, in quotes or not; choices.size() if it is
// none of them.
[[nodiscard]] std::size_t find_choice(const Value& value,
                                      std::span<const std::string_view> choices);

// The same, but anything else is an error.
[[nodiscard]] std::size_t read_choice(const Value& value,
                                      std::span<const std::string_view> choices);

// Throws the error that names the choices; `why` is added to it: "…, found 'hvm': WHY".
[[noreturn]] void fail_on_choice(const Value& value, std::span<const std::string_view> choices,
                                 std::string_view why = {});

}  // namespace xcl::config
