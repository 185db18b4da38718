// SPDX-License-Identifier: BSD-3-Clause
// Edit distance (optimal string alignment) and the choice it makes.
#include "xcl/nearest.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace xcl {
namespace {

// No key is nearly as long; the bound keeps hostile input cheap.
constexpr std::size_t max_length = 64;

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same(char left, char right) {
    return lower(left) == lower(right);
}

// Every third letter may be wrong, and one in any case.
std::size_t distance_bound(std::string_view misspelt) {
    if (misspelt.size() > max_length)
        return 0;
    return std::max<std::size_t>(misspelt.size() / 3, 1) + 1;
}

}  // namespace

std::size_t edit_distance(std::string_view left, std::string_view right) {
    std::vector<std::size_t> before_last(right.size() + 1);
    std::vector<std::size_t> last(right.size() + 1);
    std::vector<std::size_t> row(right.size() + 1);
    for (std::size_t j = 0; j <= right.size(); ++j)
        row[j] = j;
    for (std::size_t i = 1; i <= left.size(); ++i) {
        std::swap(before_last, last);
        std::swap(last, row);
        row[0] = i;
        for (std::size_t j = 1; j <= right.size(); ++j) {
            const std::size_t replaced = last[j - 1] + (same(left[i - 1], right[j - 1]) ? 0 : 1);
            row[j] = std::min({replaced, last[j] + 1, row[j - 1] + 1});
            const bool swapped = i > 1 && j > 1 && same(left[i - 1], right[j - 2]) &&
                                 same(left[i - 2], right[j - 1]);
            if (swapped)
                row[j] = std::min(row[j], before_last[j - 2] + 1);
        }
    }
    return row[right.size()];
}

NearestWord::NearestWord(std::string_view misspelt)
    : misspelt_(misspelt), distance_(distance_bound(misspelt)) {}

void NearestWord::offer(std::string_view word) {
    if (distance_ == 0)
        return;
    const std::size_t distance = edit_distance(misspelt_, word);
    if (distance < distance_) {
        nearest_ = word;
        distance_ = distance;
    }
}

}  // namespace xcl
