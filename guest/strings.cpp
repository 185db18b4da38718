// SPDX-License-Identifier: BSD-3-Clause
// What compilers and <string_view> call by themselves, and without which nothing links.
#include <cstddef>
#include <string_view>

extern "C" {

void* memcpy(void* to, const void* from, std::size_t bytes) {
    void* const start = to;
    asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
    return start;
}

void* memmove(void* to, const void* from, std::size_t bytes) {
    auto* target = static_cast<char*>(to);
    const auto* source = static_cast<const char*>(from);
    if (target <= source || target >= source + bytes)
        return memcpy(to, from, bytes);
    target += bytes - 1;
    source += bytes - 1;
    asm volatile("std; rep movsb; cld" : "+D"(target), "+S"(source), "+c"(bytes) : : "memory");
    return to;
}

void* memset(void* to, int value, std::size_t bytes) {
    void* const start = to;
    asm volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(value) : "memory");
    return start;
}

int memcmp(const void* left, const void* right, std::size_t bytes) {
    const auto* one = static_cast<const unsigned char*>(left);
    const auto* other = static_cast<const unsigned char*>(right);
    for (std::size_t at = 0; at < bytes; ++at) {
        if (one[at] != other[at])
            return one[at] - other[at];
    }
    return 0;
}

std::size_t strlen(const char* text) {
    std::size_t bytes = 0;
    while (text[bytes] != '\0')
        ++bytes;
    return bytes;
}

void* memchr(const void* in, int value, std::size_t bytes) {
    const auto* start = static_cast<const unsigned char*>(in);
    for (std::size_t at = 0; at < bytes; ++at) {
        if (start[at] == static_cast<unsigned char>(value))
            return const_cast<unsigned char*>(start + at);
    }
    return nullptr;
}
}

// What substr() calls for a position beyond the end: here, a fault like any other.
void std::__throw_out_of_range_fmt(const char* /*format*/, ...) {
    __builtin_trap();
}
