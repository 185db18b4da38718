// SPDX-License-Identifier: BSD-3-Clause
// Tries each address of a host until one answers.
#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#include "link/addresses.hpp"
#include "link/tls_link.hpp"
#include "link/waiting.hpp"

namespace xcl {
namespace {

using Time = Link::Clock::time_point;

struct Attempt {
    Descriptor socket;  // if it succeeded
    const char* call = "";
    int error = 0;
};

Attempt try_address(const addrinfo& address, Time deadline, const std::string& peer) {
    Descriptor socket(
        ::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
    if (!socket.is_open())
        return {.socket = {}, .call = "socket", .error = errno};
    const int on = 1;
    setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(socket.get(), address.ai_addr, address.ai_addrlen) == 0)
        return {.socket = std::move(socket)};
    if (errno != EINPROGRESS)
        return {.socket = {}, .call = "connect", .error = errno};
    if (!link::wait_for(socket.get(), POLLOUT, deadline, peer))
        return {.socket = {}, .call = "connect", .error = ETIMEDOUT};
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        error = errno;
    if (error != 0)
        return {.socket = {}, .call = "connect", .error = error};
    return {.socket = std::move(socket)};
}

// One that does not answer may use up no more than its share of the time.
Time share_of(Time deadline, const addrinfo* addresses) {
    int left = 0;
    for (; addresses != nullptr; addresses = addresses->ai_next)
        ++left;
    const Time now = Link::Clock::now();
    return deadline == Time::max() ? deadline : now + (deadline - now) / left;
}

Descriptor connected(const std::string& host, std::uint16_t port, const std::string& peer,
                     Time deadline) {
    const std::string doing = fmt::format("connect to {}", peer);
    const link::Addresses addresses = link::resolve(doing, host, port);
    Attempt attempt;
    for (const addrinfo* address = addresses.get(); address != nullptr;
         address = address->ai_next) {
        attempt = try_address(*address, share_of(deadline, address), peer);
        if (attempt.socket.is_open())
            return std::move(attempt.socket);
    }
    throw Error({.doing = doing,
                 .call = attempt.call,
                 .error = attempt.error,
                 .hint = "is 'cosmos receive --listen' running there?"});
}

}  // namespace

std::unique_ptr<Link> connect_tls(const std::string& host, std::uint16_t port,
                                  const Certificates& certificates, Time deadline) {
    std::string peer = link::with_port(host, port);
    auto context = link::new_tls_context(link::Side::client, certificates);
    Descriptor socket = connected(host, port, peer, deadline);
    auto made =
        std::make_unique<link::TlsLink>(std::move(context), std::move(socket), std::move(peer));
    made->shake_hands(host, deadline);
    return made;
}

}  // namespace xcl
