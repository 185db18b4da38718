// SPDX-License-Identifier: BSD-3-Clause
// Renders places and foreign bytes for error lines.
#include "config/diagnostics.hpp"

#include <utility>

#include <fmt/format.h>

#include "config/utf8.hpp"
#include "xcl/error.hpp"
#include "xcl/guest_config.hpp"

namespace xcl::config {
namespace {

// Longer than any sensible value, short enough to keep an error on a line or two.
constexpr std::size_t max_shown = 60;

std::string escaped(std::string_view bytes, std::size_t limit) {
    std::string shown;
    while (!bytes.empty()) {
        if (shown.size() >= limit)
            return shown + "...";
        const std::size_t length = character_length(bytes);
        if (length == 0 || is_control(bytes.substr(0, length))) {
            shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(bytes.front()));
            bytes.remove_prefix(1);
        } else {
            shown += bytes.substr(0, length);
            bytes.remove_prefix(length);
        }
    }
    return shown;
}

[[noreturn]] void raise(std::string line, std::string hint) {
    throw Error(
        {.kind = ErrorKind::bad_config, .problem = std::move(line), .hint = std::move(hint)});
}

}  // namespace

std::string at(const Place& place, std::string_view text) {
    return fmt::format("{}:{}:{}: {}", printable_origin(place.origin), place.line, place.column,
                       text);
}

std::string printable_origin(std::string_view origin) {
    return escaped(origin, std::string::npos);
}

std::string printable(std::string_view bytes) {
    return escaped(bytes, max_shown);
}

std::string quoted(std::string_view bytes) {
    return bytes.empty() ? "an empty string" : fmt::format("'{}'", printable(bytes));
}

void fail(const Place& place, std::string_view problem, std::string hint) {
    raise(at(place, problem), std::move(hint));
}

void fail(std::string_view origin, std::string_view problem, std::string hint) {
    raise(fmt::format("{}: {}", printable_origin(origin), problem), std::move(hint));
}

void fail_on_size(std::string_view origin, std::size_t bytes) {
    fail(origin, fmt::format("{} bytes are too many for a guest config, it has at most {}", bytes,
                             max_config_bytes));
}

}  // namespace xcl::config
