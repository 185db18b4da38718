// SPDX-License-Identifier: BSD-3-Clause
// failure_of: the parts of the Error that a step throws.
#pragma once

#include <functional>

#include <gtest/gtest.h>

#include "xcl/error.hpp"

namespace xcl::test {

// A step that throws none fails the test.
inline Failure failure_of(const std::function<void()>& step) {
    try {
        step();
    } catch (const Error& error) {
        return error.failure();
    }
    ADD_FAILURE() << "no error";
    return {};
}

}  // namespace xcl::test
