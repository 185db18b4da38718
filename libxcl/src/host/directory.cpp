// SPDX-License-Identifier: BSD-3-Clause
// Reads directories with readdir: std::filesystem would bring locales into every start.
#include "host/directory.hpp"

#include <algorithm>
#include <cerrno>
#include <memory>

#include <dirent.h>
#include <fmt/format.h>

#include "xcl/error.hpp"

namespace xcl::host {
namespace {

struct CloseDirectory {
    void operator()(DIR* directory) const { closedir(directory); }
};

}  // namespace

std::vector<std::string> entries_of(const std::string& directory) {
    const std::unique_ptr<DIR, CloseDirectory> stream(opendir(directory.c_str()));
    if (!stream && errno == ENOENT)
        return {};
    if (!stream)
        throw_failed(fmt::format("list {}", directory), "opendir", errno);
    std::vector<std::string> names;
    for (;;) {
        errno = 0;
        const dirent* const entry = readdir(stream.get());
        if (entry == nullptr)
            break;
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..")
            names.emplace_back(name);
    }
    if (errno != 0)
        throw_failed(fmt::format("list {}", directory), "readdir", errno);
    std::ranges::sort(names);
    return names;
}

void throw_failed(std::string doing, std::string_view call, int error) {
    const bool no_right = error == EPERM || error == EACCES;
    throw Error({.doing = std::move(doing),
                 .call = std::string(call),
                 .error = error,
                 .hint = no_right ? "this takes root's rights" : ""});
}

}  // namespace xcl::host
