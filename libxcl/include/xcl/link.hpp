// SPDX-License-Identifier: BSD-3-Clause
// Link: a connection to the cosmos of another host, over which guests migrate.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace xcl {

// Bytes in both directions, in order. Once a member has thrown, the link is of no use any more.
class Link {
  public:
    using Clock = std::chrono::steady_clock;

    Link() = default;
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;
    virtual ~Link() = default;

    // All of these, one behind the other; they may still be on their way when it returns. Throws
    // Error if the connection is lost, or when the deadline passes.
    virtual void write(std::span<const std::span<const std::byte>> parts) = 0;

    // Sleeps until bytes are there and takes what is there, at least one and at most `into` has
    // room for. Returns their number, 0 once the other side has closed. Throws Error otherwise.
    [[nodiscard]] virtual std::size_t read(std::span<std::byte> into) = 0;

    // When a write or a read that still waits throws Error, from now on.
    virtual void set_deadline(Clock::time_point deadline) = 0;

    // The other side, for people: "two", "10.0.0.2:8117".
    [[nodiscard]] virtual const std::string& peer() const = 0;
};

// What reads here and writes there, both the caller's to close: standard input and output of a
// process that ssh has started.
[[nodiscard]] std::unique_ptr<Link> link_over(int in, int out, std::string peer);

// Starts a command, found in PATH, whose standard input and output are the other side; its standard
// error is this process's. The link's end closes both and waits for the command, which it kills if
// it does not end within a second.
[[nodiscard]] std::unique_ptr<Link> run_command(const std::vector<std::string>& command,
                                                std::string peer);

// Throws Error if nobody listens there.
[[nodiscard]] std::unique_ptr<Link> connect_unix(const std::string& path);

// Who a host is to others, and whom it believes: PEM files.
struct Certificates {
    std::string authority;    // certificates of those who sign certificates of hosts
    std::string certificate;  // of this host, and what links it to the authority
    std::string key;          // private, of that; its owner alone may read it
};

// ca.pem, host.pem and host.key of a directory.
[[nodiscard]] Certificates certificates_in(const std::string& directory);

// TLS 1.3. The other side has to show a certificate of the authority that names `host` (a name or a
// numeric address). Throws Error that says which step failed and what to do.
[[nodiscard]] std::unique_ptr<Link> connect_tls(const std::string& host, std::uint16_t port,
                                                const Certificates& certificates,
                                                Link::Clock::time_point deadline);

class Listener {
  public:
    Listener() = default;
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    virtual ~Listener() = default;

    // Somebody who has connected and of whom nothing is known yet.
    class Caller {
      public:
        Caller() = default;
        Caller(const Caller&) = delete;
        Caller& operator=(const Caller&) = delete;
        virtual ~Caller() = default;

        // Throws Error unless he is who may: with TLS, unless he has shown a certificate of the
        // authority by the deadline. Nothing is read of him but the handshake before that.
        [[nodiscard]] virtual std::unique_ptr<Link> admit(Link::Clock::time_point deadline) = 0;
    };

    // Sleeps until somebody connects; nothing once it was stopped. May be called while Callers of
    // other threads are admitted.
    [[nodiscard]] virtual std::unique_ptr<Caller> accept() = 0;

    // Whoever sleeps in accept wakes up, and nobody is let in any more. Of any thread.
    virtual void stop() noexcept = 0;

    // Where it listens, for people, and for connect_*: "10.0.0.2:8117", a path.
    [[nodiscard]] virtual const std::string& address() const = 0;
};

// A socket that its owner alone may connect to; a stale one of that name is replaced, and it is
// removed at the end.
[[nodiscard]] std::unique_ptr<Listener> listen_unix(const std::string& path);

// `address`: numeric, or a name of this host; empty: all of its addresses. Port 0: any that is
// free.
[[nodiscard]] std::unique_ptr<Listener> listen_tls(const std::string& address, std::uint16_t port,
                                                   const Certificates& certificates);

// For a start without an authority of one's own: makes ca.pem, ca.key, host.pem and host.key in a
// directory, which is made if it is not there (mode 0700, keys 0600), valid for `days` days; those
// of an authority that is there already are kept and sign the new host. `names`: names and numeric
// addresses of the host; at least one. Never replaces a host's key: throws Error if one is there.
void make_certificates(const std::string& directory, const std::vector<std::string>& names,
                       unsigned days);

}  // namespace xcl
