// SPDX-License-Identifier: BSD-3-Clause
// Recognises well-formed UTF-8 characters.
#include "config/utf8.hpp"

#include <algorithm>
#include <cstdint>

namespace xcl::config {
namespace {

struct Form {
    std::size_t length;
    std::uint8_t second_low;  // the range of the second byte; further bytes are 0x80 to 0xBF
    std::uint8_t second_high;
};

constexpr Form no_form{0, 0, 0};

constexpr Form form_of(std::uint8_t lead) {
    if (lead < 0x80)
        return {1, 0, 0};
    if (lead >= 0xC2 && lead <= 0xDF)
        return {2, 0x80, 0xBF};
    if (lead == 0xE0)
        return {3, 0xA0, 0xBF};
    if (lead == 0xED)
        return {3, 0x80, 0x9F};
    if (lead >= 0xE1 && lead <= 0xEF)
        return {3, 0x80, 0xBF};
    if (lead == 0xF0)
        return {4, 0x90, 0xBF};
    if (lead >= 0xF1 && lead <= 0xF3)
        return {4, 0x80, 0xBF};
    if (lead == 0xF4)
        return {4, 0x80, 0x8F};
    return no_form;
}

constexpr std::uint8_t byte_of(char c) {
    return static_cast<std::uint8_t>(c);
}

}  // namespace

std::size_t character_length(std::string_view bytes) {
    if (bytes.empty())
        return 0;
    const Form form = form_of(byte_of(bytes.front()));
    if (form.length < 2)
        return form.length;
    if (bytes.size() < form.length)
        return 0;
    const std::uint8_t second = byte_of(bytes[1]);
    if (second < form.second_low || second > form.second_high)
        return 0;
    const auto rest = bytes.substr(2, form.length - 2);
    const bool continued =
        std::all_of(rest.begin(), rest.end(), [](char c) { return (byte_of(c) & 0xC0) == 0x80; });
    return continued ? form.length : 0;
}

bool is_control(std::string_view character) {
    const std::uint8_t lead = byte_of(character.front());
    if (lead < 0x20 || lead == 0x7F)
        return true;
    return lead == 0xC2 && character.size() == 2 && byte_of(character[1]) < 0xA0;
}

bool is_plain_text(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t length = character_length(bytes);
        if (length == 0 || is_control(bytes.substr(0, length)))
            return false;
        bytes.remove_prefix(length);
    }
    return true;
}

}  // namespace xcl::config
