// SPDX-License-Identifier: BSD-3-Clause
// Reads values, or says what was expected and what was found.
#include "config/values.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace xcl::config {
namespace {

[[noreturn]] void fail_on(const Value& value, std::string_view expected) {
    fail(value.place, fmt::format("expected {}, found {}", expected, found(value)));
}

}  // namespace

Number parse_number(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative)
        text.remove_prefix(1);
    int base = 10;
    if (text.starts_with("0x") || text.starts_with("0X")) {
        base = 16;
        text.remove_prefix(2);
    } else if (text.starts_with('0') && text.size() > 1) {
        base = 8;
        text.remove_prefix(1);
    }
    Number number;
    const auto* const end = text.data() + text.size();
    const auto [parsed, error] = std::from_chars(text.data(), end, number.value, base);
    if (text.empty() || parsed != end || error == std::errc::invalid_argument)
        return {};
    if (negative)
        return {.kind = Number::Kind::negative, .value = 0};
    if (error == std::errc::result_out_of_range)
        return {.kind = Number::Kind::too_big, .value = 0};
    number.kind = Number::Kind::number;
    return number;
}

std::string found(const Value& value) {
    return value.kind == Value::Kind::list ? "a list" : quoted(value.text);
}

std::string read_string(const Value& value, std::string_view expected) {
    if (value.kind == Value::Kind::list)
        fail_on(value, expected);
    if (value.kind == Value::Kind::word)
        fail_on(value, fmt::format("{} in quotes", expected));
    return value.text;
}

std::string read_filled_string(const Value& value, std::string_view expected) {
    std::string text = read_string(value, expected);
    if (text.empty())
        fail_on(value, expected);
    return text;
}

std::uint64_t read_number(const Value& value, std::string_view unit, std::uint64_t low,
                          std::uint64_t high) {
    if (value.appended)
        fail(value.place, fmt::format("'+=' cannot add to a number of {}", unit));
    const Number number = value.kind == Value::Kind::list ? Number{} : parse_number(value.text);
    if (number.kind == Number::Kind::none)
        fail_on(value, fmt::format("a number of {}", unit));
    if (number.kind != Number::Kind::number || number.value < low || number.value > high)
        fail_on(value, fmt::format("{} to {} {}", low, high, unit));
    return number.value;
}

std::size_t find_choice(const Value& value, std::span<const std::string_view> choices) {
    if (value.kind == Value::Kind::list)
        return choices.size();
    const auto choice = std::find(choices.begin(), choices.end(), value.text);
    return static_cast<std::size_t>(choice - choices.begin());
}

std::size_t read_choice(const Value& value, std::span<const std::string_view> choices) {
    const std::size_t choice = find_choice(value, choices);
    if (choice == choices.size())
        fail_on_choice(value, choices);
    return choice;
}

void fail_on_choice(const Value& value, std::span<const std::string_view> choices,
                    std::string_view why) {
    std::string line = "expected ";
    for (std::size_t i = 0; i < choices.size(); ++i)
        line += fmt::format("{}'{}'", i == 0 ? "" : " or ", choices[i]);
    line += fmt::format(", found {}", found(value));
    if (!why.empty())
        line += fmt::format(": {}", why);
    fail(value.place, line);
}

}  // namespace xcl::config
