// SPDX-License-Identifier: BSD-3-Clause
// What the tests of the config reader share: short ways to a config, its warnings, its error.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "xcl/error.hpp"
#include "xcl/guest_config.hpp"

namespace xcl {

using Overrides = std::vector<std::string>;

inline constexpr std::string_view enough = "kernel = '/k'\nmemory = 8\n";

// `text` in a config that lacks nothing; its lines count from 3.
inline std::string with_enough(std::string_view text) {
    return std::string(enough) + std::string(text);
}

inline GuestConfig config_of(std::string_view text, const Overrides& overrides = {}) {
    return parse_config(with_enough(text), "guest.cfg", overrides).config;
}

inline std::vector<std::string> warnings_of(std::string_view text,
                                            const Overrides& overrides = {}) {
    return parse_config(with_enough(text), "guest.cfg", overrides).warnings;
}

inline Failure failure_of(std::string_view text, const Overrides& overrides = {}) {
    try {
        static_cast<void>(parse_config(text, "guest.cfg", overrides));
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::bad_config);
        EXPECT_EQ(error.failure().problem, error.what());
        return error.failure();
    }
    ADD_FAILURE() << "accepted: " << text;
    return {};
}

inline std::string problem_of(std::string_view text, const Overrides& overrides = {}) {
    return failure_of(text, overrides).problem;
}

struct Mistake {
    std::string_view text;
    std::string_view problem;
};

// Each text stands in line 3 of a config that is otherwise right.
inline void expect_problems(std::initializer_list<Mistake> mistakes) {
    for (const auto& [text, problem] : mistakes)
        EXPECT_EQ(problem_of(with_enough(text)), problem) << "in: " << text;
}

}  // namespace xcl
