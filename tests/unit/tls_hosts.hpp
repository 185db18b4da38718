// SPDX-License-Identifier: BSD-3-Clause
// Hosts with certificates for tests of TLS, and strangers that speak it by OpenSSL alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <future>
#include <string>
#include <string_view>
#include <vector>

#include "core/descriptor.hpp"
#include "link/certificates.hpp"
#include "xcl/link.hpp"

namespace xcl::test {

// A directory that goes with everything in it.
class ScratchDirectory {
  public:
    ScratchDirectory();
    ScratchDirectory(const ScratchDirectory&) = delete;
    ScratchDirectory& operator=(const ScratchDirectory&) = delete;
    ~ScratchDirectory();

    [[nodiscard]] std::string path() const { return path_.string(); }
    [[nodiscard]] std::string operator/(const std::string& name) const {
        return (path_ / name).string();
    }

  private:
    std::filesystem::path path_;
};

void write_file(const std::string& path, std::string_view content);
// For its owner alone, as a key has to be.
void write_secret(const std::string& path, std::string_view content);
[[nodiscard]] std::string read_file(const std::string& path);

// From so many seconds from now to so many.
[[nodiscard]] link::Validity valid_between(std::int64_t from, std::int64_t to);

// An authority and the certificates that it signs.
class Authority {
  public:
    explicit Authority(const link::Validity& validity = link::valid_for_days(1))
        : identity_(link::new_authority(validity)) {}

    // Files of a host that believes this authority, in a directory of their own.
    [[nodiscard]] Certificates host(const std::vector<std::string>& names,
                                    const link::Validity& validity = link::valid_for_days(1));
    [[nodiscard]] const link::Identity& identity() const { return identity_; }

  private:
    link::Identity identity_;
    ScratchDirectory files_;
    int hosts_ = 0;
};

[[nodiscard]] Link::Clock::time_point in(std::chrono::milliseconds time);
[[nodiscard]] std::uint16_t port_of(const Listener& listener);

// What admitting the next caller comes to; the future has its Link or its Error.
[[nodiscard]] std::future<std::unique_ptr<Link>> admit_next(
    Listener& listener, std::chrono::milliseconds patience = std::chrono::seconds(10));

// Plain TCP to and from 127.0.0.1.
// `flags`: SOCK_NONBLOCK for one that may still be connecting.
[[nodiscard]] Descriptor tcp_client(std::uint16_t port, int flags = 0);
class TcpServer {
  public:
    explicit TcpServer(int backlog = 8);
    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] Descriptor accept() const;

  private:
    Descriptor socket_;
    std::uint16_t port_ = 0;
};

// Somebody who believes everybody and waits at most two seconds.
class Stranger {
  public:
    enum class Role { client, server };
    // Without a certificate if there are no files.
    Stranger(Role role, Descriptor socket, const Certificates* certificates,
             int version = TLS1_3_VERSION);

    [[nodiscard]] bool shake_hands();
    [[nodiscard]] bool write(std::string_view text);
    // As much as one record holds; -1 for an error, 0 for a goodbye.
    [[nodiscard]] int read(std::span<std::byte> into);
    // Ends the connection without a goodbye.
    void vanish() { socket_ = Descriptor(); }

  private:
    Descriptor socket_;
    link::Own<SSL_CTX> context_;
    link::Own<SSL> ssl_;
    Role role_;
};

}  // namespace xcl::test
