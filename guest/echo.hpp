// SPDX-License-Identifier: BSD-3-Clause
// Echo: what this guest does. Shows what is typed, and answers each line with itself.
#pragma once

#include <string_view>

#include "console.hpp"

namespace guest {

class Echo {
  public:
    explicit Echo(Console& console);
    Echo(const Echo&) = delete;  // the event binding points here
    Echo& operator=(const Echo&) = delete;

    // How many lines it has answered.
    [[nodiscard]] std::uint64_t lines() const { return lines_; }

  private:
    void serve();
    void type(char byte);
    void end_line();

    Console* console_;
    char line_[128] = {};
    std::size_t used_ = 0;
    std::uint64_t lines_ = 0;
    bool after_return_ = false;
};

}  // namespace guest
