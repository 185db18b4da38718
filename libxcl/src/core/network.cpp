// SPDX-License-Identifier: BSD-3-Clause
// Addresses and interface names, to and from text.
#include "xcl/network.hpp"

#include <charconv>

#include <fmt/format.h>

namespace xcl {
namespace {

// Takes a decimal number of at most `most`, without leading zeros, off the front of `text`.
std::optional<unsigned> take_number(std::string_view& text, unsigned most) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const auto length = static_cast<std::size_t>(end - text.data());
    if (error != std::errc{} || value > most || (length > 1 && text.front() == '0'))
        return std::nullopt;
    text.remove_prefix(length);
    return value;
}

bool take(std::string_view& text, char expected) {
    if (!text.starts_with(expected))
        return false;
    text.remove_prefix(1);
    return true;
}

}  // namespace

std::string ipv4_text(const Ipv4Interface& address) {
    const std::uint32_t bytes = address.address;
    return fmt::format("{}.{}.{}.{}/{}", bytes >> 24, bytes >> 16 & 255, bytes >> 8 & 255,
                       bytes & 255, address.prefix);
}

std::optional<Ipv4Interface> parse_ipv4(std::string_view text) {
    Ipv4Interface parsed;
    for (int octet = 0; octet < 4; ++octet) {
        if (octet > 0 && !take(text, '.'))
            return std::nullopt;
        const std::optional<unsigned> value = take_number(text, 255);
        if (!value)
            return std::nullopt;
        parsed.address = parsed.address << 8 | *value;
    }
    if (text.empty())
        return parsed;
    const std::optional<unsigned> prefix = take(text, '/') ? take_number(text, 32) : std::nullopt;
    if (!prefix || !text.empty())
        return std::nullopt;
    parsed.prefix = static_cast<std::uint8_t>(*prefix);
    return parsed;
}

std::string interface_name(const VifId& vif) {
    return fmt::format("vif{}.{}", vif.guest.value(), vif.number);
}

std::optional<VifId> vif_of_interface(std::string_view interface) {
    if (!interface.starts_with("vif"))
        return std::nullopt;
    interface.remove_prefix(3);
    const std::optional<unsigned> guest = take_number(interface, DomainId::first_reserved - 1);
    const std::optional<unsigned> number =
        guest && take(interface, '.') ? take_number(interface, UINT16_MAX) : std::nullopt;
    if (!number || !interface.empty())
        return std::nullopt;
    return VifId{DomainId(static_cast<std::uint16_t>(*guest)), static_cast<std::uint16_t>(*number)};
}

}  // namespace xcl
