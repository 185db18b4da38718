// SPDX-License-Identifier: BSD-3-Clause
// What a misspelt word was probably meant to be.
#pragma once

#include <cstddef>
#include <string_view>

namespace xcl {

// How many letters apart two words are: inserted, left out, replaced, or two neighbours swapped.
// Upper and lower case count as the same letter.
[[nodiscard]] std::size_t edit_distance(std::string_view left, std::string_view right);

// The nearest word offered so far to a misspelt one.
class NearestWord {
  public:
    // `misspelt` and the words offered outlive this object.
    explicit NearestWord(std::string_view misspelt);

    // Of equally near words the first one offered stays.
    void offer(std::string_view word);

    // Empty if nothing offered is near enough to be a likely mistake.
    [[nodiscard]] std::string_view get() const { return nearest_; }

  private:
    std::string_view misspelt_;
    std::string_view nearest_;
    std::size_t distance_;  // a word must be nearer than this
};

}  // namespace xcl
