// SPDX-License-Identifier: BSD-3-Clause
// Reads a CPU list into a set and the set into ascending numbers.
#include "config/cpu_list.hpp"

#include <bitset>
#include <optional>

#include <fmt/format.h>

#include "config/values.hpp"

namespace xcl::config {
namespace {

using CpuSet = std::bitset<GuestConfig::max_cpu + 1U>;

struct Range {
    std::size_t first;
    std::size_t last;
};

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t";
    const auto begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos)
        return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

[[noreturn]] void fail_on_part(const Value& value, std::string_view part) {
    fail(value.place,
         fmt::format("expected CPU numbers such as '0-3,^2', or 'all', found {}", quoted(part)));
}

std::size_t read_cpu(const Value& value, std::string_view text, std::string_view part) {
    const auto number = parse_number(text);
    if (number.kind != Number::Kind::number && number.kind != Number::Kind::too_big)
        fail_on_part(value, part);
    if (number.kind == Number::Kind::too_big || number.value > GuestConfig::max_cpu) {
        fail(value.place, fmt::format("expected CPU numbers from 0 to {}, found {}",
                                      GuestConfig::max_cpu, quoted(text)));
    }
    return static_cast<std::size_t>(number.value);
}

Range read_range(const Value& value, std::string_view part) {
    if (part == "all")
        return {0, GuestConfig::max_cpu};
    if (part.starts_with("node")) {
        fail(value.place, fmt::format("NUMA nodes cannot be named here, found {}", quoted(part)),
             "name the CPUs of the node");
    }
    const auto dash = part.find('-');
    const std::size_t first = read_cpu(value, trimmed(part.substr(0, dash)), part);
    if (dash == std::string_view::npos)
        return {first, first};
    const std::size_t last = read_cpu(value, trimmed(part.substr(dash + 1)), part);
    if (last < first) {
        fail(value.place,
             fmt::format("expected a CPU range from low to high, found {}", quoted(part)));
    }
    return {first, last};
}

void apply(const Value& value, std::string_view part, CpuSet& cpus) {
    const bool allow = !part.starts_with('^');
    const Range range = read_range(value, allow ? part : trimmed(part.substr(1)));
    CpuSet named;
    named.set();
    named >>= named.size() - 1 - (range.last - range.first);
    named <<= range.first;
    if (allow) {
        cpus |= named;
    } else {
        cpus &= ~named;
    }
}

}  // namespace

CpuList read_cpu_list(const Value& value) {
    const std::string list = read_string(value, "a list of CPUs");
    CpuSet cpus;
    for (std::string_view rest = list;;) {
        const auto comma = rest.find(',');
        apply(value, trimmed(rest.substr(0, comma)), cpus);
        if (comma == std::string_view::npos)
            break;
        rest.remove_prefix(comma + 1);
    }
    if (cpus.none())
        fail(value.place, fmt::format("{} leaves no CPU to run on", quoted(list)));
    if (cpus.all())
        return {};
    CpuList numbers;
    for (std::size_t cpu = 0; cpu < cpus.size(); ++cpu) {
        if (cpus.test(cpu))
            numbers.push_back(static_cast<std::uint16_t>(cpu));
    }
    return numbers;
}

}  // namespace xcl::config

namespace xcl {

CpuList parse_cpus(std::string_view text) {
    const config::Place place{.origin = "command line", .line = 1, .column = 1};
    if (text.size() > max_config_bytes)
        config::fail_on_size(place.origin, text.size());
    return config::read_cpu_list({.kind = config::Value::Kind::string,
                                  .text = std::string(text),
                                  .items = {},
                                  .place = place});
}

}  // namespace xcl
