// SPDX-License-Identifier: BSD-3-Clause
// Turns "two", "tls:two:8117" and "unix:/run/…" into connections.
#include "peers.hpp"

#include <charconv>
#include <chrono>

#include <fmt/format.h>

#include "context.hpp"

namespace cosmos {
namespace {

constexpr std::chrono::seconds to_connect{10};

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> words;
    while (!text.empty()) {
        const std::size_t space = text.find(' ');
        if (space != 0)
            words.emplace_back(text.substr(0, space));
        text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
    }
    return words;
}

std::uint16_t parsed_port(std::string_view text, std::string_view whole) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size())
        throw UsageError(fmt::format("'{}' names no port: expected HOST:PORT", whole));
    return port;
}

}  // namespace

bool take_prefix(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix))
        return false;
    text.remove_prefix(prefix.size());
    return true;
}

HostAndPort parse_host_and_port(std::string_view text) {
    HostAndPort result;
    std::string_view rest = text;
    if (take_prefix(rest, "[")) {  // an IPv6 address has colons of its own
        const std::size_t end = rest.find(']');
        if (end == std::string_view::npos)
            throw UsageError(fmt::format("'{}' lacks its ']'", text));
        result.host = rest.substr(0, end);
        rest.remove_prefix(end + 1);
    } else {
        const std::size_t colon = rest.find(':');
        result.host = rest.substr(0, colon);
        rest.remove_prefix(result.host.size());
    }
    if (take_prefix(rest, ":"))
        result.port = parsed_port(rest, text);
    else if (!rest.empty())
        throw UsageError(fmt::format("'{}' names no host and port", text));
    return result;
}

void declare_peer_options(CommandLine& line, PeerArguments& arguments) {
    line.option("ssh", "COMMAND", arguments.ssh, "The ssh to use, with its options (ssh)");
    line.option("remote", "COMMAND", arguments.remote,
                "What ssh runs on the other host (cosmos receive)");
    line.option("certs", "DIR", arguments.certificates,
                "For tls: where ca.pem, host.pem and host.key are (/etc/cosmos/certs)");
}

void declare_peer(CommandLine& line, PeerArguments& arguments) {
    line.argument("HOST", arguments.host, true,
                  "The other host: HOST by ssh; tls:HOST[:PORT] or unix:PATH for a standing "
                  "receiver");
    declare_peer_options(line, arguments);
}

std::unique_ptr<xcl::Link> connect(const PeerArguments& arguments) {
    std::string_view host = arguments.host;
    if (take_prefix(host, "unix:"))
        return xcl::connect_unix(std::string(host));
    if (take_prefix(host, "tls:")) {
        const HostAndPort there = parse_host_and_port(host);
        if (there.host.empty())
            throw UsageError(fmt::format("'{}' names no host", arguments.host));
        return xcl::connect_tls(there.host, there.port,
                                xcl::certificates_in(arguments.certificates),
                                std::chrono::steady_clock::now() + to_connect);
    }
    if (host.empty() || host.starts_with('-'))
        throw UsageError(fmt::format("'{}' names no host", arguments.host));
    std::vector<std::string> command = words_of(arguments.ssh);
    if (command.empty())
        throw UsageError("--ssh names no command");
    command.emplace_back(host);
    command.push_back(arguments.remote);
    return xcl::run_command(command, std::string(host));
}

}  // namespace cosmos
