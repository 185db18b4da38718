// SPDX-License-Identifier: BSD-3-Clause
// open, fstat, read: each may fail, and each failure names its call.
#include "kernel/file.hpp"

#include <cerrno>
#include <cstdint>
#include <span>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace xcl::kernel {
namespace {

class Descriptor final {
  public:
    explicit Descriptor(int fd) noexcept : fd_(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    Descriptor(Descriptor&&) = delete;
    Descriptor& operator=(Descriptor&&) = delete;
    ~Descriptor() { ::close(fd_); }

    [[nodiscard]] int get() const noexcept { return fd_; }

  private:
    int fd_;
};

// O_NONBLOCK: opening a FIFO must not wait for its writer.
int open_for_reading(const std::string& path, const Origin& origin) {
    if (path.find('\0') != std::string::npos)
        origin.refuse("its path holds a zero byte");
    for (;;) {
        const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd >= 0)
            return fd;
        if (errno != EINTR) {
            origin.failed_call("open", errno,
                               errno == ENOENT ? "check its path in the guest config" : "");
        }
    }
}

std::size_t checked_size(int fd, std::size_t limit, const Origin& origin) {
    struct stat status {};
    if (::fstat(fd, &status) != 0)
        origin.failed_call("fstat", errno);
    if (S_ISDIR(status.st_mode))
        origin.refuse("it is a directory");
    if (!S_ISREG(status.st_mode))
        origin.refuse("it is not a regular file");
    if (status.st_size == 0)
        origin.refuse("it is empty");
    if (static_cast<std::uint64_t>(status.st_size) > limit) {
        origin.refuse(
            fmt::format("it has {} MiB, more than {}", status.st_size >> 20, limit >> 20));
    }
    return static_cast<std::size_t>(status.st_size);
}

}  // namespace

std::vector<std::byte> read_file(const std::string& path, std::size_t limit, const Origin& origin) {
    const Descriptor file(open_for_reading(path, origin));
    std::vector<std::byte> bytes(checked_size(file.get(), limit, origin));
    std::span<std::byte> rest(bytes);
    while (!rest.empty()) {
        const ssize_t count = ::read(file.get(), rest.data(), rest.size());
        if (count > 0) {
            rest = rest.subspan(static_cast<std::size_t>(count));
        } else if (count == 0) {
            origin.refuse("it became shorter while it was read");
        } else if (errno != EINTR) {
            origin.failed_call("read", errno);
        }
    }
    return bytes;
}

}  // namespace xcl::kernel
