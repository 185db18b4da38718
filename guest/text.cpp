// SPDX-License-Identifier: BSD-3-Clause
// Text: a short message put together without a heap.
#include "text.hpp"

namespace guest {

namespace {
constexpr char hex_digits[] = "0123456789abcdef";
}  // namespace

Text& Text::add(std::string_view piece) {
    for (const char byte : piece) {
        if (used_ == sizeof bytes_)
            break;
        bytes_[used_++] = byte;
    }
    return *this;
}

Text& Text::decimal(std::uint64_t number) {
    char digits[20];  // 2^64 has 20
    std::size_t first = sizeof digits;
    do {
        digits[--first] = static_cast<char>('0' + number % 10);
        number /= 10;
    } while (number != 0);
    return add({digits + first, sizeof digits - first});
}

Text& Text::hex_byte(std::uint8_t byte) {
    return add({&hex_digits[byte >> 4], 1}).add({&hex_digits[byte & 15], 1});
}

Text& Text::hex(std::uint64_t number) {
    add("0x");
    for (int shift = 56; shift >= 0; shift -= 8)
        hex_byte(static_cast<std::uint8_t>(number >> shift));
    return *this;
}

}  // namespace guest
