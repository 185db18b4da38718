// SPDX-License-Identifier: BSD-3-Clause
// Names and addresses of hosts, as the C library resolves and people write them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <netdb.h>
#include <sys/socket.h>

namespace xcl::link {

struct FreeAddresses {
    void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

// The addresses of a host for TCP, at least one. Throws Error. The resolver has its own patience.
[[nodiscard]] Addresses resolve(const std::string& doing, const std::string& host,
                                std::uint16_t port);

// "10.0.0.2:8117", "[::1]:8117".
[[nodiscard]] std::string text_of(const sockaddr* address, socklen_t size);
// Of a host as it was given.
[[nodiscard]] std::string with_port(const std::string& host, std::uint16_t port);

[[nodiscard]] bool is_numeric(const std::string& host);
// "fe80::1" of "fe80::1%eth0".
[[nodiscard]] std::string without_scope(const std::string& address);

}  // namespace xcl::link
