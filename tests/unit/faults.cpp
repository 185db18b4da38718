// SPDX-License-Identifier: BSD-3-Clause
// Counts points and answers what is to become of each.
#include "faults.hpp"

#include <utility>

namespace xcl::test {

int Faults::pass(const std::string& name) {
    if (happens_ && name == before_)
        std::exchange(happens_, nullptr)();
    const std::size_t point = passed_++;
    if (point == point_)
        what_ = name;
    if (mode_ == Mode::kill && point >= point_)
        throw Killed();
    if (mode_ == Mode::fail && point == point_)
        return error_;
    const auto refused = refused_.find(name);
    return refused != refused_.end() ? refused->second : 0;
}

}  // namespace xcl::test
