// SPDX-License-Identifier: BSD-3-Clause
// Addresses, read from text and written to it.
#include "address.hpp"

namespace guest {

namespace {

constexpr int digit(char byte) {
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F')
        return byte - 'A' + 10;
    return -1;
}

// Takes a decimal number of 1 to 3 digits from the front of the text.
std::optional<unsigned> take_number(std::string_view& text, unsigned most) {
    unsigned number = 0;
    std::size_t digits = 0;
    for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
        number = number * 10 + static_cast<unsigned>(digit(text[digits]));
        if (number > most)
            return {};
    }
    if (digits == 0 || digits > 3)
        return {};
    text.remove_prefix(digits);
    return number;
}

bool take(std::string_view& text, char byte) {
    if (!text.starts_with(byte))
        return false;
    text.remove_prefix(1);
    return true;
}

}  // namespace

std::optional<Mac> parse_mac(std::string_view text) {
    Mac mac{};
    for (std::size_t at = 0; at < mac.size(); ++at) {
        if ((at > 0 && !take(text, ':')) || text.size() < 2)
            return {};
        const int high = digit(text[0]);
        const int low = digit(text[1]);
        if (high < 0 || low < 0)
            return {};
        mac[at] = static_cast<std::uint8_t>(high * 16 + low);
        text.remove_prefix(2);
    }
    if (!text.empty() || is_group(mac))
        return {};
    return mac;
}

std::optional<Ipv4Interface> parse_ipv4(std::string_view text) {
    Ipv4Interface parsed;
    for (int part = 0; part < 4; ++part) {
        if (part > 0 && !take(text, '.'))
            return {};
        const auto number = take_number(text, 255);
        if (!number)
            return {};
        parsed.address = parsed.address << 8 | *number;
    }
    if (take(text, '/')) {
        const auto bits = take_number(text, 32);
        if (!bits)
            return {};
        parsed.prefix_bits = *bits;
    }
    if (!text.empty() || !is_unicast(parsed.address) || parsed.is_broadcast(parsed.address))
        return {};
    return parsed;
}

void add_mac(Text& text, const Mac& mac) {
    for (std::size_t at = 0; at < mac.size(); ++at) {
        if (at > 0)
            text.add(":");
        text.hex_byte(mac[at]);
    }
}

void add_ipv4(Text& text, const Ipv4Interface& interface) {
    for (unsigned shift = 32; shift > 0; shift -= 8) {
        if (shift < 32)
            text.add(".");
        text.decimal(interface.address >> (shift - 8) & 255);
    }
    if (interface.prefix_bits < 32)
        text.add("/").decimal(interface.prefix_bits);
}

}  // namespace guest
