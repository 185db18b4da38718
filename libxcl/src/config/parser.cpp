// SPDX-License-Identifier: BSD-3-Clause
// parse_config and read_config: from assignments to a GuestConfig, through the table of keys.
#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "config/draft.hpp"
#include "config/file.hpp"
#include "config/keys.hpp"
#include "config/name.hpp"
#include "config/syntax.hpp"
#include "xcl/guest_config.hpp"
#include "xcl/nearest.hpp"

namespace xcl {
namespace config {
namespace {

constexpr std::string_view command_line = "command line";

void check_size(std::string_view text, std::string_view origin) {
    if (text.size() > max_config_bytes)
        fail_on_size(origin, text.size());
}

std::vector<Assignment> all_assignments(std::string_view text, std::string_view origin,
                                        const std::vector<std::string>& overrides) {
    check_size(text, origin);
    auto assignments = parse_assignments(text, origin);
    for (std::size_t i = 0; i < overrides.size(); ++i) {
        check_size(overrides[i], command_line);
        assignments.push_back(
            parse_override(overrides[i], {.origin = command_line, .line = i + 1, .column = 1}));
    }
    return assignments;
}

template <typename Row>
const Row* find_row(std::span<const Row> table, std::string_view name) {
    const auto row = std::find_if(table.begin(), table.end(),
                                  [name](const Row& candidate) { return candidate.name == name; });
    return row == table.end() ? nullptr : &*row;
}

[[noreturn]] void fail_on_key(const Assignment& assignment) {
    NearestWord nearest(assignment.key);
    for (const Key& key : keys())
        nearest.offer(key.name);
    for (const IgnoredKey& key : ignored_keys())
        nearest.offer(key.name);
    const std::string guess =
        nearest.get().empty() ? "" : fmt::format(" (did you mean '{}'?)", nearest.get());
    fail(assignment.place, fmt::format("unknown key {}{}", quoted(assignment.key), guess));
}

void require_known(const Assignment& assignment) {
    const bool known = find_row(keys(), assignment.key) != nullptr ||
                       find_row(ignored_keys(), assignment.key) != nullptr;
    if (!known)
        fail_on_key(assignment);
}

void append(Value& value, Value added) {
    const bool to_list = value.kind == Value::Kind::list;
    if (to_list != (added.kind == Value::Kind::list)) {
        fail(added.place, fmt::format("'+=' cannot add {} to {}", to_list ? "a string" : "a list",
                                      to_list ? "a list" : "a string"));
    }
    const bool has_word = value.kind == Value::Kind::word || added.kind == Value::Kind::word;
    value.text += added.text;
    std::move(added.items.begin(), added.items.end(), std::back_inserter(value.items));
    value.place = added.place;
    value.appended = true;
    if (!to_list)
        value.kind = has_word ? Value::Kind::word : Value::Kind::string;
}

// One assignment for each key: `+=` is carried out, and of several the last one stays.
std::vector<Assignment> settle(std::vector<Assignment> assignments,
                               std::vector<std::string>& warnings) {
    std::vector<Assignment> settled;
    for (Assignment& assignment : assignments) {
        require_known(assignment);
        const auto before =
            std::find_if(settled.begin(), settled.end(),
                         [&](const Assignment& other) { return other.key == assignment.key; });
        if (before == settled.end()) {
            settled.push_back(std::move(assignment));
        } else if (assignment.append) {
            append(before->value, std::move(assignment.value));
        } else {
            // An argument that wins over the text is no mistake.
            if (before->place.origin == assignment.place.origin) {
                warnings.push_back(at(
                    assignment.place,
                    fmt::format("'{}' is given twice: this one counts, the one at {}:{} does not",
                                assignment.key, before->place.line, before->place.column)));
            }
            *before = std::move(assignment);
        }
    }
    return settled;
}

void warn_of_ignored(const Assignment& assignment, const IgnoredKey& key,
                     std::vector<std::string>& warnings) {
    // `disk = []` asks for what it gets.
    if (assignment.value.empty())
        return;
    const std::string why = key.why.empty() ? "" : fmt::format(": {}", key.why);
    warnings.push_back(
        at(assignment.place, fmt::format("'{}' has no effect here{}", key.name, why)));
}

void read(const Assignment& assignment, Draft& draft) {
    if (const Key* const key = find_row(keys(), assignment.key); key != nullptr) {
        key->read(assignment.value, draft);
    } else if (const auto* const ignored = find_row(ignored_keys(), assignment.key);
               ignored != nullptr) {
        warn_of_ignored(assignment, *ignored, draft.warnings);
    }
}

// The name of a file without its directory and ".cfg".
std::string name_of_file(std::string_view path) {
    std::string_view name = path.substr(path.find_last_of('/') + 1);
    if (name.ends_with(".cfg"))
        name.remove_suffix(4);
    const std::string fault = fault_of_name(name);
    if (name.empty() || !fault.empty()) {
        fail(path,
             fmt::format("no 'name' is given, and the file's own is no name{}{}",
                         fault.empty() ? "" : " ", fault),
             "add name = \"NAME\"");
    }
    return std::string(name);
}

}  // namespace
}  // namespace config

ParsedConfig parse_config(std::string_view text, std::string_view origin,
                          const std::vector<std::string>& overrides) {
    config::Draft draft;
    const auto settings =
        config::settle(config::all_assignments(text, origin, overrides), draft.warnings);
    for (const auto& setting : settings)
        config::read(setting, draft);
    config::complete(draft, origin);
    return {.config = std::move(draft.config), .warnings = std::move(draft.warnings)};
}

ParsedConfig read_config(const std::string& path, const std::vector<std::string>& overrides) {
    auto parsed = parse_config(config::read_text(path), path, overrides);
    if (parsed.config.name.empty())
        parsed.config.name = config::name_of_file(path);
    return parsed;
}

}  // namespace xcl
