// SPDX-License-Identifier: BSD-3-Clause
// Text: a short message put together without a heap. What exceeds its room is cut off.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace guest {

class Text {
  public:
    Text& add(std::string_view piece);
    Text& decimal(std::uint64_t number);
    Text& hex_byte(std::uint8_t byte);  // two digits
    Text& hex(std::uint64_t number);    // 0x and all 16 digits, so that columns line up

    [[nodiscard]] std::string_view view() const { return {bytes_, used_}; }

  private:
    char bytes_[256];
    std::size_t used_ = 0;
};

}  // namespace guest
