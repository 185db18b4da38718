// SPDX-License-Identifier: BSD-3-Clause
// Tries first and waits only where that would block, so that what is there costs one call.
#include "link/descriptor_link.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <ctime>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "link/waiting.hpp"

namespace xcl::link {
namespace {

bool is_socket(int descriptor) {
    struct stat status {};
    return fstat(descriptor, &status) == 0 && S_ISSOCK(status.st_mode);
}

// write(2), without the signal that a pipe has for a reader who is gone.
class NoPipeSignal {
  public:
    NoPipeSignal() {
        sigemptyset(&pipe_);
        sigaddset(&pipe_, SIGPIPE);
        sigset_t pending;
        sigpending(&pending);
        was_pending_ = sigismember(&pending, SIGPIPE) == 1;
        pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    }
    NoPipeSignal(const NoPipeSignal&) = delete;
    NoPipeSignal& operator=(const NoPipeSignal&) = delete;
    ~NoPipeSignal() {
        const int error = errno;
        constexpr timespec at_once{};
        if (!was_pending_)
            sigtimedwait(&pipe_, nullptr, &at_once);
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
        errno = error;
    }

  private:
    sigset_t pipe_{};
    sigset_t before_{};
    bool was_pending_ = false;
};

// What is left of the parts behind the first `count` bytes.
std::span<iovec> behind(std::span<iovec> parts, std::size_t count) {
    while (!parts.empty() && count >= parts.front().iov_len) {
        count -= parts.front().iov_len;
        parts = parts.subspan(1);
    }
    if (!parts.empty()) {
        parts.front().iov_base = static_cast<std::byte*>(parts.front().iov_base) + count;
        parts.front().iov_len -= count;
    }
    return parts;
}

}  // namespace

DescriptorLink::DescriptorLink(int in, int out, std::string peer)
    : in_(in),
      out_(out),
      in_is_socket_(is_socket(in)),
      out_is_socket_(is_socket(out)),
      peer_(std::move(peer)) {}

DescriptorLink::DescriptorLink(Descriptor socket, std::string peer)
    : DescriptorLink(socket.get(), socket.get(), std::move(peer)) {
    own_ = std::move(socket);
}

void DescriptorLink::write(std::span<const std::span<const std::byte>> parts) {
    if (out_is_socket_)
        write_to_socket(parts);
    else
        for (const std::span<const std::byte> part : parts)
            write_to_pipe(part);
}

void DescriptorLink::write_to_socket(std::span<const std::span<const std::byte>> parts) {
    constexpr std::size_t at_once = 16;
    while (!parts.empty()) {
        std::array<iovec, at_once> vectors{};
        const auto now = parts.first(std::min(parts.size(), at_once));
        for (std::size_t i = 0; i < now.size(); ++i)
            vectors[i] = {.iov_base = const_cast<std::byte*>(now[i].data()),
                          .iov_len = now[i].size()};
        for (std::span<iovec> left = behind({vectors.data(), now.size()}, 0); !left.empty();) {
            msghdr message{};
            message.msg_iov = left.data();
            message.msg_iovlen = left.size();
            const ssize_t sent = sendmsg(out_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent >= 0)
                left = behind(left, static_cast<std::size_t>(sent));
            else if (errno != EAGAIN && errno != EINTR)
                throw lost(peer_, "sendmsg", errno);
            else if (!wait_for(out_, POLLOUT, deadline_, peer_))
                throw too_slow(peer_);
        }
        parts = parts.subspan(now.size());
    }
}

// A pipe that can be written to takes PIPE_BUF bytes without blocking (pipe(7)).
void DescriptorLink::write_to_pipe(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        if (!wait_for(out_, POLLOUT, deadline_, peer_))
            throw too_slow(peer_);
        const auto now = bytes.first(std::min<std::size_t>(bytes.size(), PIPE_BUF));
        const NoPipeSignal no_signal;
        const ssize_t written = ::write(out_, now.data(), now.size());
        if (written >= 0)
            bytes = bytes.subspan(static_cast<std::size_t>(written));
        else if (errno != EINTR && errno != EAGAIN)
            throw lost(peer_, "write", errno);
    }
}

std::size_t DescriptorLink::read(std::span<std::byte> into) {
    for (bool may_block = !in_is_socket_;; may_block = true) {
        if (may_block && !wait_for(in_, POLLIN, deadline_, peer_))
            throw too_slow(peer_);
        const ssize_t got = in_is_socket_ ? recv(in_, into.data(), into.size(), MSG_DONTWAIT)
                                          : ::read(in_, into.data(), into.size());
        if (got >= 0)
            return static_cast<std::size_t>(got);
        if (errno != EAGAIN && errno != EINTR)
            throw lost(peer_, in_is_socket_ ? "recv" : "read", errno);
    }
}

}  // namespace xcl::link

namespace xcl {

std::unique_ptr<Link> link_over(int in, int out, std::string peer) {
    return std::make_unique<link::DescriptorLink>(in, out, std::move(peer));
}

}  // namespace xcl
