// SPDX-License-Identifier: BSD-3-Clause
// Steps whose failure is not to be told: an Error is on its way already, or nothing depends on
// them.
#pragma once

#include <exception>

namespace xcl {

template <typename Step>
void quietly(const Step& step) noexcept {
    try {
        step();
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch)
    }
}

}  // namespace xcl
