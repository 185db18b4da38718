// SPDX-License-Identifier: BSD-3-Clause
// Reads a config file without being held up or flooded by what the path really is.
#include "config/file.hpp"

#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/diagnostics.hpp"
#include "core/descriptor.hpp"
#include "xcl/error.hpp"
#include "xcl/guest_config.hpp"

namespace xcl::config {
namespace {

[[noreturn]] void fail_to_read(const std::string& path, const char* call, int error) {
    throw Error({.doing = fmt::format("read the guest config {}", printable_origin(path)),
                 .call = call,
                 .error = error});
}

struct stat status_of(const Descriptor& file, const std::string& path) {
    struct stat status {};
    if (fstat(file.get(), &status) != 0)
        fail_to_read(path, "fstat", errno);
    return status;
}

// Fills `buffer` from `filled` on; returns where that ended, before its end only if the file did.
std::size_t read_into(std::string& buffer, std::size_t filled, const Descriptor& file,
                      const std::string& path) {
    while (filled < buffer.size()) {
        const ssize_t got = read(file.get(), buffer.data() + filled, buffer.size() - filled);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            fail_to_read(path, "read", errno);
        if (got == 0)
            break;
        filled += static_cast<std::size_t>(got);
    }
    return filled;
}

}  // namespace

std::string read_text(const std::string& path) {
    // O_NONBLOCK: opening a FIFO must not wait for its writer.
    const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!file.is_open())
        fail_to_read(path, "open", errno);
    const auto status = status_of(file, path);
    if (!S_ISREG(status.st_mode)) {
        fail(path, S_ISDIR(status.st_mode) ? "expected a guest config, found a directory"
                                           : "expected a guest config, found no regular file");
    }
    const auto size = static_cast<std::size_t>(status.st_size);
    if (size > max_config_bytes)
        fail_on_size(path, size);
    // One byte more shows a file that grew meanwhile or hides its size (/proc).
    std::string text(size + 1, '\0');
    std::size_t filled = read_into(text, 0, file, path);
    if (filled == text.size()) {
        text.resize(max_config_bytes + 1);
        filled = read_into(text, filled, file, path);
    }
    text.resize(filled);
    return text;
}

}  // namespace xcl::config
