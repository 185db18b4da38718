// SPDX-License-Identifier: BSD-3-Clause
// Asks the kernel where this program is.
#include "core/installation.hpp"

#include <algorithm>
#include <array>
#include <climits>

#include <unistd.h>

namespace xcl {

std::string installation_prefix() {
    std::array<char, PATH_MAX> program{};
    const ssize_t length = readlink("/proc/self/exe", program.data(), program.size());
    std::string path(program.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
    for (int level = 0; level < 2; ++level)
        path.erase(std::min(path.size(), path.rfind('/')));
    return path;
}

}  // namespace xcl
