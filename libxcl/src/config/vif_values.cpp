// SPDX-License-Identifier: BSD-3-Clause
// Reads the values in a vif, or says what was expected and what was found.
#include "config/vif_values.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <span>

#include <fmt/format.h>

#include "config/utf8.hpp"

namespace xcl::config {
namespace {

constexpr std::string_view blanks = " \t";

// A path longer than this is none for the kernel (PATH_MAX, with its final NUL).
constexpr std::size_t max_path = 4095;

std::size_t characters(std::string_view text) {
    std::size_t count = 0;
    while (!text.empty()) {
        text.remove_prefix(std::max<std::size_t>(character_length(text), 1));
        ++count;
    }
    return count;
}

[[noreturn]] void fail_on(const Text& value, std::string_view expected) {
    fail(value.place, fmt::format("expected {}, found {}", expected, quoted(value.text)));
}

// Takes the decimal digits that `rest` begins with. Nothing if there are none or too many.
std::optional<std::uint64_t> take_number(std::string_view& rest) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (error != std::errc{})
        return std::nullopt;
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    return number;
}

bool take(std::string_view& rest, std::string_view word) {
    if (!rest.starts_with(word))
        return false;
    rest.remove_prefix(word.size());
    return true;
}

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

// What the unit that `rest` begins with multiplies by. Longer names stand before their beginnings.
std::optional<std::uint64_t> take_unit(std::string_view& rest, std::span<const Unit> units) {
    const auto unit = std::find_if(units.begin(), units.end(),
                                   [&rest](const Unit& one) { return take(rest, one.name); });
    return unit == units.end() ? std::nullopt : std::optional(unit->factor);
}

using Octets = std::array<std::uint64_t, 4>;

std::optional<Octets> take_octets(std::string_view& rest) {
    Octets octets{};
    for (std::size_t i = 0; i < octets.size(); ++i) {
        if (i > 0 && !take(rest, "."))
            return std::nullopt;
        const std::string_view digits = rest;
        const auto octet = take_number(rest);
        // Some read a leading 0 as octal, so it is refused.
        const bool ambiguous = digits.starts_with('0') && digits.size() - rest.size() > 1;
        if (!octet || *octet > 255 || ambiguous)
            return std::nullopt;
        octets.at(i) = *octet;
    }
    return octets;
}

// Neither "this network", loopback, multicast nor reserved (RFC 1122, 3.2.1.3).
bool is_of_a_host(const Octets& octets) {
    return octets[0] >= 1 && octets[0] <= 223 && octets[0] != 127;
}

// Whether the bits behind the prefix are all 0 (the network's own address) or all 1 (broadcast).
// Networks of 31 and 32 bits have neither (RFC 3021).
bool is_whole_network(const Octets& octets, std::uint64_t prefix) {
    if (prefix >= 31)
        return false;
    const std::uint64_t address = octets[0] << 24U | octets[1] << 16U | octets[2] << 8U | octets[3];
    const std::uint64_t mask = (std::uint64_t{1} << (32 - prefix)) - 1;
    return (address & mask) == 0 || (address & mask) == mask;
}

// Bytes a second. Units are xl's, powers of 1000.
std::optional<std::uint64_t> take_speed(std::string_view& rest) {
    static constexpr std::array<Unit, 4> prefixes{
        {{"G", 1'000'000'000}, {"M", 1'000'000}, {"K", 1'000}, {"", 1}}};
    const auto number = take_number(rest);
    const auto factor = take_unit(rest, prefixes);
    const bool bits = rest.starts_with('b');
    if (!number || !take(rest, bits ? "b" : "B") || !take(rest, "/s"))
        return std::nullopt;
    if (*number > std::numeric_limits<std::uint64_t>::max() / *factor)
        return std::numeric_limits<std::uint64_t>::max();
    return *number * *factor / (bits ? 8U : 1U);
}

// Microseconds.
std::optional<std::uint64_t> take_interval(std::string_view& rest) {
    static constexpr std::array<Unit, 4> units{
        {{"us", 1}, {"ms", 1'000}, {"s", 1'000'000}, {"", 1}}};
    const auto number = take_number(rest);
    if (!number || *number > std::numeric_limits<std::uint32_t>::max())
        return std::nullopt;
    return *number * take_unit(rest, units).value_or(1);
}

}  // namespace

Text Text::part(std::size_t begin, std::size_t end) const {
    end = std::min(end, text.size());
    const std::size_t first = std::min(text.find_first_not_of(blanks, begin), end);
    std::string_view inner = text.substr(first, end - first);
    inner = inner.substr(0, inner.find_last_not_of(blanks) + 1);
    Place at = place;
    at.column += characters(text.substr(0, first));
    return {.text = inner, .place = at};
}

MacAddress read_mac(const Text& value) {
    const auto mac = parse_mac(value.text);
    if (!mac)
        fail_on(value, "a MAC address such as '00:16:3e:00:00:01'");
    if (mac->is_multicast())
        fail_on(value, "a MAC address of one interface, not of a group");
    if (mac->is_zero())
        fail_on(value, "a MAC address other than zero");
    return *mac;
}

std::string read_bridge(const Text& value) {
    if (value.text == "auto")
        return {};
    if (value.text.empty() || !is_plain_text(value.text))
        fail_on(value, "the name of a bridge, or 'auto'");
    if (value.text.size() > VifConfig::max_bridge)
        fail_on(value, fmt::format("a bridge's name of at most {} bytes", VifConfig::max_bridge));
    // What Linux refuses (dev_valid_name).
    if (value.text == "." || value.text == "..")
        fail_on(value, "a bridge's name other than '.' and '..'");
    if (value.text.find_first_of("/: ") != std::string_view::npos)
        fail_on(value, "a bridge's name without '/', ':' and blanks");
    return std::string(value.text);
}

VifAddress read_address(const Text& value) {
    if (value.text == "auto")
        return {.kind = VifAddress::Kind::automatic, .text = {}, .prefix = {}};
    std::string_view rest = value.text;
    const auto octets = take_octets(rest);
    std::optional<std::uint64_t> prefix;
    if (octets && take(rest, "/")) {
        prefix = take_number(rest);
        if (!prefix || *prefix < 1 || *prefix > 32 || !rest.empty())
            fail_on(value, "1 to 32 bits of the network behind the '/'");
    }
    if (!octets || !rest.empty())
        fail_on(value, "an IPv4 address such as '10.0.0.2' or '10.0.0.2/24', or 'auto'");
    if (!is_of_a_host(*octets))
        fail_on(value, "the IPv4 address of one host");
    if (prefix && is_whole_network(*octets, *prefix))
        fail_on(value, "the IPv4 address of one host, not of its network");
    return {.kind = VifAddress::Kind::fixed,
            .text = std::string(value.text.substr(0, value.text.find('/'))),
            .prefix = prefix ? std::optional(static_cast<std::uint8_t>(*prefix)) : std::nullopt};
}

std::string read_script(const Text& value) {
    if (value.text.empty() || !is_plain_text(value.text) || value.text.size() > max_path)
        fail_on(value, "the name of a script in Xen's directory of scripts, or its whole path");
    if (value.text == "." || value.text == ".." ||
        fmt::format("/{}/", value.text).find("/../") != std::string::npos)
        fail_on(value, "a script's path without '..'");
    if (!value.text.starts_with('/') && value.text.find('/') != std::string_view::npos)
        fail_on(value, "a script's name without '/', or its whole path");
    return std::string(value.text);
}

VifRate read_rate(const Text& value) {
    // The interval where none is given, xl's own.
    std::optional<std::uint64_t> interval_us = 50'000;
    std::string_view rest = value.text;
    const auto speed = take_speed(rest);
    if (speed && take(rest, "@"))
        interval_us = take_interval(rest);
    if (!speed || !interval_us || !rest.empty())
        fail_on(value, "a rate such as '10Mb/s', '250KB/s' or '1MB/s@20ms'");
    constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
    if (*interval_us == 0 || *interval_us > most)
        fail_on(value, fmt::format("an interval of 1 to {} microseconds", most));
    // The speed may have 64 bits and the interval 32; their product is compared before it is made.
    constexpr std::uint64_t us_per_second = 1'000'000;
    if (*speed > most * us_per_second / *interval_us)
        fail_on(value, fmt::format("a rate of at most {} bytes an interval", most));
    const std::uint64_t bytes = *speed * *interval_us / us_per_second;
    if (bytes == 0)
        fail_on(value, "a rate of at least one byte an interval");
    return {.bytes = static_cast<std::uint32_t>(bytes),
            .interval_us = static_cast<std::uint32_t>(*interval_us)};
}

}  // namespace xcl::config
