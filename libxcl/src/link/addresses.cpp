// SPDX-License-Identifier: BSD-3-Clause
// Names and numbers of hosts, by the C library.
#include "link/addresses.hpp"

#include <array>
#include <cerrno>
#include <string_view>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "xcl/error.hpp"

namespace xcl::link {
namespace {

std::string joined(std::string_view host, std::string_view port) {
    return host.find(':') == std::string_view::npos ? fmt::format("{}:{}", host, port)
                                                    : fmt::format("[{}]:{}", host, port);
}

}  // namespace

Addresses resolve(const std::string& doing, const std::string& host, std::uint16_t port) {
    addrinfo wanted{};
    wanted.ai_family = AF_UNSPEC;
    wanted.ai_socktype = SOCK_STREAM;
    wanted.ai_flags = AI_NUMERICSERV;
    addrinfo* list = nullptr;
    const int error = getaddrinfo(host.c_str(), fmt::format("{}", port).c_str(), &wanted, &list);
    if (error == EAI_SYSTEM)
        throw Error({.doing = doing, .call = "getaddrinfo", .error = errno});
    if (error != 0)
        throw Error({.doing = doing,
                     .call = "getaddrinfo",
                     .problem = fmt::format("{}: {}", host, gai_strerror(error)),
                     .hint = "give a name that /etc/hosts or DNS has, or a numeric address"});
    return Addresses(list);
}

std::string text_of(const sockaddr* address, socklen_t size) {
    std::array<char, NI_MAXHOST> host{};
    std::array<char, NI_MAXSERV> port{};
    if (getnameinfo(address, size, host.data(), host.size(), port.data(), port.size(),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return "an unknown address";
    // An IPv4 caller of a socket that serves both.
    constexpr std::string_view mapped = "::ffff:";
    std::string_view text = host.data();
    if (text.starts_with(mapped) && text.find('.') != std::string_view::npos)
        text.remove_prefix(mapped.size());
    return joined(text, port.data());
}

std::string with_port(const std::string& host, std::uint16_t port) {
    return joined(host, fmt::format("{}", port));
}

bool is_numeric(const std::string& host) {
    in6_addr address{};
    return inet_pton(AF_INET, host.c_str(), &address) == 1 ||
           inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

std::string without_scope(const std::string& address) {
    const std::string bare = address.substr(0, address.find('%'));
    return is_numeric(bare) ? bare : address;
}

}  // namespace xcl::link
