// SPDX-License-Identifier: BSD-3-Clause
// Reads a vif through the tables of its keys, those of xl-network-configuration(5), Xen 4.17.
#include "config/vif.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "xcl/guest_config.hpp"
#include "xcl/nearest.hpp"

namespace xcl::config {
namespace {

constexpr std::string_view no_driver_domains = "domain 0 is the backend of every vif";
constexpr std::string_view no_routing = "it concerns routed vifs";
constexpr std::string_view no_device_model = "no device model runs beside a guest";
constexpr std::string_view no_mirroring = "guests are not mirrored here";

constexpr std::array table{
    VifKey{"backend",
           [](const Text& value, VifConfig&) {
               if (value.text != "0" && value.text != "Domain-0") {
                   fail(value.place, fmt::format("expected '0' or 'Domain-0', found {}: {}",
                                                 quoted(value.text), no_driver_domains));
               }
           }},
    VifKey{"bridge", [](const Text& value, VifConfig& vif) { vif.bridge = read_bridge(value); }},
    VifKey{"ip", [](const Text& value, VifConfig& vif) { vif.ip = read_address(value); }},
    VifKey{"mac", [](const Text& value, VifConfig& vif) { vif.mac = read_mac(value); }},
    VifKey{"rate", [](const Text& value, VifConfig& vif) { vif.rate = read_rate(value); }},
    VifKey{"script", [](const Text& value, VifConfig& vif) { vif.script = read_script(value); }},
    VifKey{"type",
           [](const Text& value, VifConfig&) {
               if (value.text != "vif") {
                   fail(value.place, fmt::format("expected 'vif', found {}: {}", quoted(value.text),
                                                 no_device_model));
               }
           }},
};

constexpr std::array ignored_table{
    IgnoredKey{"accel", "Xen has no accelerated vifs any more"},
    IgnoredKey{"devid", "vifs are numbered in their order, from 0"},
    IgnoredKey{"forwarddev", no_mirroring},
    IgnoredKey{"gatewaydev", no_routing},
    IgnoredKey{"model", no_device_model},
    IgnoredKey{"mtu", "a vif keeps the MTU that netback gives it"},
    IgnoredKey{"netdev", no_routing},
    IgnoredKey{"trusted", no_driver_domains},
    IgnoredKey{"vifname", "a vif is called vifDOMID.NUMBER"},
};

template <typename Row>
const Row* find_row(std::span<const Row> rows, std::string_view name) {
    const auto row = std::find_if(rows.begin(), rows.end(),
                                  [name](const Row& candidate) { return candidate.name == name; });
    return row == rows.end() ? nullptr : &*row;
}

[[noreturn]] void fail_on_key(const Text& key) {
    NearestWord nearest(key.text);
    for (const VifKey& known : vif_keys())
        nearest.offer(known.name);
    for (const IgnoredKey& known : ignored_vif_keys())
        nearest.offer(known.name);
    const std::string guess =
        nearest.get().empty() ? "" : fmt::format(" (did you mean '{}'?)", nearest.get());
    fail(key.place, fmt::format("unknown key {} of a vif{}", quoted(key.text), guess));
}

void read_part(const Text& part, std::vector<std::string_view>& seen, VifConfig& vif,
               std::vector<std::string>& warnings) {
    const auto equals = part.text.find('=');
    if (equals == std::string_view::npos || equals == 0)
        fail(part.place, fmt::format("expected KEY=VALUE in a vif, found {}", quoted(part.text)));
    const Text key = part.part(0, equals);
    const Text value = part.part(equals + 1, part.text.size());
    if (std::find(seen.begin(), seen.end(), key.text) != seen.end())
        fail(key.place, fmt::format("{} is given twice for one vif", quoted(key.text)));
    seen.push_back(key.text);
    if (const auto* const known = find_row(vif_keys(), key.text); known != nullptr) {
        known->read(value, vif);
    } else if (const auto* const ignored = find_row(ignored_vif_keys(), key.text);
               ignored != nullptr) {
        warnings.push_back(at(key.place, fmt::format("'{}' of a vif has no effect here: {}",
                                                     ignored->name, ignored->why)));
    } else if (key.text.starts_with("colo")) {
        // Some thirty keys of xl's COLO, which keeps a second copy of a running guest.
        warnings.push_back(at(key.place, fmt::format("{} of a vif has no effect here: {}",
                                                     quoted(key.text), no_mirroring)));
    } else {
        fail_on_key(key);
    }
}

}  // namespace

std::span<const VifKey> vif_keys() {
    return table;
}

std::span<const IgnoredKey> ignored_vif_keys() {
    return ignored_table;
}

VifConfig read_vif(const Text& text, std::vector<std::string>& warnings) {
    VifConfig vif;
    std::vector<std::string_view> seen;
    for (std::size_t begin = 0; begin < text.text.size();) {
        const std::size_t end = std::min(text.text.find(',', begin), text.text.size());
        // As for xl, nothing may stand between two commas, or behind the last one.
        if (const Text part = text.part(begin, end); !part.text.empty())
            read_part(part, seen, vif, warnings);
        begin = end + 1;
    }
    return vif;
}

}  // namespace xcl::config

namespace xcl {

ParsedVif parse_vif(std::string_view text, std::size_t line) {
    constexpr std::string_view origin = "command line";
    if (text.size() > max_config_bytes)
        config::fail_on_size(origin, text.size());
    ParsedVif parsed;
    parsed.vif = config::read_vif(
        {.text = text, .place = {.origin = origin, .line = line, .column = 1}}, parsed.warnings);
    return parsed;
}

}  // namespace xcl
