// SPDX-License-Identifier: BSD-3-Clause
// Origin: the file being read. Everything that refuses it does so through here, so that each error
// names the file.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "xcl/error.hpp"

namespace xcl::kernel {

// Text from outside, fit for an error that must stay one line.
[[nodiscard]] inline std::string without_control_characters(std::string_view text) {
    std::string clean(text);
    const auto is_control = [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; };
    std::replace_if(clean.begin(), clean.end(), is_control, '?');
    return clean;
}

class Origin {
  public:
    // `kind` is "kernel" or "ramdisk".
    Origin(std::string_view kind, std::string_view name)
        : doing_(fmt::format("read the {} '{}'", kind, without_control_characters(name))) {}

    // `problem` is a clause with "it" for the file.
    [[noreturn]] void refuse(std::string problem, std::string hint = {}) const {
        Failure failure;
        failure.doing = doing_;
        failure.problem = std::move(problem);
        failure.hint = std::move(hint);
        throw Error(std::move(failure));
    }

    [[noreturn]] void failed_call(std::string call, int error, std::string hint = {}) const {
        Failure failure;
        failure.doing = doing_;
        failure.call = std::move(call);
        failure.error = error;
        failure.hint = std::move(hint);
        throw Error(std::move(failure));
    }

  private:
    std::string doing_;
};

}  // namespace xcl::kernel
