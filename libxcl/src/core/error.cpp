// SPDX-License-Identifier: BSD-3-Clause
// Renders a Failure as the one line that people read.
#include "xcl/error.hpp"

#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace xcl {
namespace {

std::string render(const Failure& failure) {
    std::string line;
    const auto append = [&line](std::string_view part) {
        if (part.empty())
            return;
        if (!line.empty())
            line += ": ";
        line += part;
    };
    if (failure.domain)
        append(fmt::format("domain {}", failure.domain->value()));
    if (!failure.doing.empty())
        append("cannot " + failure.doing);
    append(failure.call);
    append(failure.problem);
    if (failure.error != 0)
        append(std::generic_category().message(failure.error));
    return line;
}

}  // namespace

Error::Error(Failure failure) : failure_(std::move(failure)), line_(render(failure_)) {}

}  // namespace xcl
