// SPDX-License-Identifier: BSD-3-Clause
// Relays between two terminals, and gives the user's back as it was.
#include "terminal.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <span>

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "xcl/error.hpp"

namespace cosmos {
namespace {

constexpr char leave_key = 0x1D;  // Ctrl-], as in telnet and xl
constexpr int silence_ms = 1000;

class File {
  public:
    explicit File(int fd) : fd_(fd) {}
    ~File() {
        if (fd_ >= 0)
            close(fd_);
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    [[nodiscard]] int get() const { return fd_; }

  private:
    int fd_;
};

// Puts stdin, if it is a terminal, into raw mode until the end of scope.
class RawMode {
  public:
    RawMode() {
        termios now{};
        if (tcgetattr(STDIN_FILENO, &now) != 0)
            return;
        before_ = now;
        cfmakeraw(&now);
        tcsetattr(STDIN_FILENO, TCSADRAIN, &now);
    }
    ~RawMode() {
        if (before_)
            tcsetattr(STDIN_FILENO, TCSADRAIN, &*before_);
    }
    RawMode(const RawMode&) = delete;
    RawMode& operator=(const RawMode&) = delete;

  private:
    std::optional<termios> before_;
};

// Signals that would end the process arrive here instead, so that RawMode gets its turn.
int termination_signals() {
    sigset_t signals{};
    sigemptyset(&signals);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP})
        sigaddset(&signals, signal);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    return signalfd(-1, &signals, SFD_CLOEXEC);
}

bool write_all(int fd, std::span<const char> bytes) {
    while (!bytes.empty()) {
        const ssize_t written = write(fd, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return true;
}

// Nothing when the other side is closed.
std::optional<std::span<const char>> read_some(int fd, std::span<char> buffer) {
    ssize_t got = 0;
    do
        got = read(fd, buffer.data(), buffer.size());
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return std::nullopt;
    return buffer.first(static_cast<std::size_t>(got));
}

std::span<const char> up_to_leave_key(std::span<const char> bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i)
        if (bytes[i] == leave_key)
            return bytes.first(i);
    return bytes;
}

}  // namespace

ConsoleEnd relay_console(const std::string& path, const std::function<bool()>& has_ended) {
    const File console(open(path.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (console.get() < 0)
        throw xcl::Error({.doing = "open the console", .call = path, .error = errno});
    const File signals(termination_signals());
    const RawMode raw;

    std::array<char, 4096> buffer{};
    enum : std::size_t { from_user, from_guest, from_signals };
    std::array<pollfd, 3> sources{pollfd{STDIN_FILENO, POLLIN, 0}, pollfd{console.get(), POLLIN, 0},
                                  pollfd{signals.get(), POLLIN, 0}};
    for (;;) {
        const int ready = poll(sources.data(), sources.size(), silence_ms);
        if (ready < 0) {
            if (errno == EINTR)
                continue;
            throw xcl::Error({.doing = "wait for the console", .call = "poll", .error = errno});
        }
        if (ready == 0 && has_ended())
            return ConsoleEnd::closed;
        if (sources[from_signals].revents != 0)
            return ConsoleEnd::left;
        if (sources[from_guest].revents != 0) {
            const auto output = read_some(console.get(), buffer);
            if (!output || !write_all(STDOUT_FILENO, *output))
                return ConsoleEnd::closed;
        }
        if (sources[from_user].revents != 0) {
            const auto input = read_some(STDIN_FILENO, buffer);
            if (!input) {
                sources[from_user].fd = -1;  // no more input; the output goes on
                continue;
            }
            const auto wanted = up_to_leave_key(*input);
            if (!write_all(console.get(), wanted))
                return ConsoleEnd::closed;
            if (wanted.size() < input->size())
                return ConsoleEnd::left;
        }
    }
}

}  // namespace cosmos
