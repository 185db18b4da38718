// SPDX-License-Identifier: BSD-3-Clause
// Waits for callers; a handshake is its caller's thread's matter, so that none holds up another.
#include <atomic>
#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "link/addresses.hpp"
#include "link/tls_link.hpp"

namespace xcl {
namespace {

class TlsCaller final : public Listener::Caller {
  public:
    TlsCaller(std::shared_ptr<const link::TlsContext> context, Descriptor socket, std::string peer)
        : context_(std::move(context)), socket_(std::move(socket)), peer_(std::move(peer)) {}

    std::unique_ptr<Link> admit(Link::Clock::time_point deadline) override {
        if (!socket_.is_open())
            throw Error({.doing = fmt::format("admit {}", peer_), .problem = "it was already"});
        auto made = std::make_unique<link::TlsLink>(context_, std::move(socket_), peer_);
        made->shake_hands({}, deadline);
        return made;
    }

  private:
    std::shared_ptr<const link::TlsContext> context_;
    Descriptor socket_;
    std::string peer_;
};

// Connections that ended, or a network that went, while they waited (accept(2)); the next may live.
bool concerns_one_caller(int error) {
    switch (error) {
        case EINTR:
        case ECONNABORTED:
        case EPROTO:
        case ENETDOWN:
        case ENETUNREACH:
        case EHOSTDOWN:
        case EHOSTUNREACH:
        case ENOPROTOOPT:
        case ENONET:
        case EOPNOTSUPP:
            return true;
        default:
            return false;
    }
}

struct Failed {
    const char* call = "";
    int error = 0;
};

class TlsListener final : public Listener {
  public:
    TlsListener(std::shared_ptr<const link::TlsContext> context, Descriptor socket)
        : context_(std::move(context)), socket_(std::move(socket)) {
        sockaddr_storage address{};
        socklen_t size = sizeof address;
        auto* const where = reinterpret_cast<sockaddr*>(&address);
        if (getsockname(socket_.get(), where, &size) != 0)
            throw Error({.doing = "listen", .call = "getsockname", .error = errno});
        address_ = link::text_of(where, size);
    }

    std::unique_ptr<Caller> accept() override {
        for (;;) {
            sockaddr_storage address{};
            socklen_t size = sizeof address;
            auto* const who = reinterpret_cast<sockaddr*>(&address);
            Descriptor socket(accept4(socket_.get(), who, &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
            const int error = errno;
            if (stopped_)
                return nullptr;
            if (socket.is_open()) {
                const int on = 1;
                setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                return std::make_unique<TlsCaller>(context_, std::move(socket),
                                                   link::text_of(who, size));
            }
            if (!concerns_one_caller(error))
                throw Error({.doing = fmt::format("accept connections at {}", address_),
                             .call = "accept4",
                             .error = error});
        }
    }

    void stop() noexcept override {
        stopped_ = true;
        shutdown(socket_.get(), SHUT_RDWR);
    }

    const std::string& address() const override { return address_; }

  private:
    std::shared_ptr<const link::TlsContext> context_;
    Descriptor socket_;
    std::string address_;
    std::atomic<bool> stopped_ = false;
};

Descriptor listening(const sockaddr* address, socklen_t size, Failed& failed) {
    Descriptor socket(::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP));
    const auto fail = [&](const char* call) {
        failed = {.call = call, .error = errno};
        return Descriptor();
    };
    if (!socket.is_open())
        return fail("socket");
    const int on = 1;
    const int off = 0;
    setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address->sa_family == AF_INET6)  // :: is all addresses, those of IPv4 too
        setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(socket.get(), address, size) != 0)
        return fail("bind");
    if (listen(socket.get(), SOMAXCONN) != 0)
        return fail("listen");
    return socket;
}

// A kernel without IPv6 has the addresses of IPv4 alone.
Descriptor listening_everywhere(std::uint16_t port, Failed& failed) {
    sockaddr_in6 all{};
    all.sin6_family = AF_INET6;
    all.sin6_port = htons(port);
    Descriptor socket = listening(reinterpret_cast<const sockaddr*>(&all), sizeof all, failed);
    if (socket.is_open() || (failed.error != EAFNOSUPPORT && failed.error != EADDRNOTAVAIL))
        return socket;
    sockaddr_in all_ipv4{};
    all_ipv4.sin_family = AF_INET;
    all_ipv4.sin_port = htons(port);
    return listening(reinterpret_cast<const sockaddr*>(&all_ipv4), sizeof all_ipv4, failed);
}

const char* what_to_do(int error) {
    switch (error) {
        case EADDRINUSE:
            return "another process listens at this port: stop it or choose another";
        case EADDRNOTAVAIL:
            return "give an address of this host, or none for all of them";
        case EACCES:
            return "ports below 1024 are for root";
        default:
            return "";
    }
}

}  // namespace

std::unique_ptr<Listener> listen_tls(const std::string& address, std::uint16_t port,
                                     const Certificates& certificates) {
    auto context = link::new_tls_context(link::Side::server, certificates);
    const std::string doing =
        fmt::format("listen at {}", link::with_port(address.empty() ? "::" : address, port));
    Failed failed;
    Descriptor socket;
    if (address.empty()) {
        socket = listening_everywhere(port, failed);
    } else {
        const link::Addresses addresses = link::resolve(doing, address, port);
        for (const addrinfo* one = addresses.get(); one != nullptr && !socket.is_open();
             one = one->ai_next)
            socket = listening(one->ai_addr, one->ai_addrlen, failed);
    }
    if (!socket.is_open())
        throw Error({.doing = doing,
                     .call = failed.call,
                     .error = failed.error,
                     .hint = what_to_do(failed.error)});
    return std::make_unique<TlsListener>(std::move(context), std::move(socket));
}

}  // namespace xcl
