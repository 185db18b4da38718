// SPDX-License-Identifier: BSD-3-Clause
// What both halves of LinuxMachine use: a directory's entries, and the Error of a failed call.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace xcl::host {

// The names in it, ascending, without "." and ".."; empty when there is no such directory.
[[nodiscard]] std::vector<std::string> entries_of(const std::string& directory);

[[noreturn]] void throw_failed(std::string doing, std::string_view call, int error);

}  // namespace xcl::host
