// SPDX-License-Identifier: BSD-3-Clause
// Reads a process's start time from /proc.
#include "core/process.hpp"

#include <array>
#include <charconv>
#include <optional>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace xcl {
namespace {

// Field 22 of /proc/PID/stat (proc(5)): the start time in clock ticks since boot.
std::optional<std::uint32_t> start_ticks_of(std::uint32_t pid) {
    const int fd = open(fmt::format("/proc/{}/stat", pid).c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return std::nullopt;
    std::array<char, 1024> text{};
    const ssize_t length = read(fd, text.data(), text.size());
    close(fd);
    if (length <= 0)
        return std::nullopt;
    std::string_view rest(text.data(), static_cast<std::size_t>(length));
    // The command name, field 2, may hold spaces and parentheses; the last ')' ends it.
    const std::size_t name_end = rest.rfind(')');
    if (name_end == std::string_view::npos)
        return std::nullopt;
    rest.remove_prefix(name_end + 1);
    // A zombie has ended; only its parent has not heard yet.
    if (rest.starts_with(" Z") || rest.starts_with(" X"))
        return std::nullopt;
    constexpr int fields_between = 20;  // from field 3 to field 22, each after one space
    for (int field = 0; field < fields_between; ++field) {
        const std::size_t space = rest.find(' ');
        if (space == std::string_view::npos)
            return std::nullopt;
        rest.remove_prefix(space + 1);
    }
    std::uint64_t ticks = 0;
    if (std::from_chars(rest.data(), rest.data() + rest.size(), ticks).ec != std::errc{})
        return std::nullopt;
    return static_cast<std::uint32_t>(ticks);
}

std::uint16_t own_pid_namespace() {
    struct stat status {};
    return stat("/proc/self/ns/pid", &status) == 0 ? static_cast<std::uint16_t>(status.st_ino) : 0;
}

}  // namespace

ProcessStamp this_process() {
    const auto pid = static_cast<std::uint32_t>(getpid());
    return {pid, start_ticks_of(pid).value_or(0), own_pid_namespace()};
}

bool is_running(const ProcessStamp& process) {
    if (process.pid_namespace != own_pid_namespace())
        return true;
    const std::optional<std::uint32_t> start = start_ticks_of(process.pid);
    return start && *start == process.start_ticks;
}

}  // namespace xcl
