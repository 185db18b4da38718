// SPDX-License-Identifier: BSD-3-Clause
// Peers: the words of a command line that say which other host is meant, and how it is reached.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "command_line.hpp"
#include "xcl/link.hpp"

namespace cosmos {

inline constexpr std::uint16_t usual_port = 8117;  // of a standing receiver
inline constexpr const char* usual_certificates = "/etc/cosmos/certs";

// A host and a port: "two", "two:8117", "10.0.0.2", "[fd00::2]:8117".
struct HostAndPort {
    std::string host;
    std::uint16_t port = usual_port;
};
// Throws UsageError for what is none. The host may be empty: ":8117".
[[nodiscard]] HostAndPort parse_host_and_port(std::string_view text);

// What follows a prefix like "unix:"; nothing if it does not begin so.
[[nodiscard]] bool take_prefix(std::string_view& text, std::string_view prefix);

struct PeerArguments {
    std::string host;
    std::string ssh = "ssh";
    std::string remote = "cosmos receive";
    std::string certificates = usual_certificates;
};

// Declares HOST, --ssh, --remote and --certs.
void declare_peer(CommandLine& line, PeerArguments& arguments);
// Without HOST, which the command declares itself.
void declare_peer_options(CommandLine& line, PeerArguments& arguments);

// Connects to it. Throws Error, or UsageError for words that name no host.
[[nodiscard]] std::unique_ptr<xcl::Link> connect(const PeerArguments& arguments);

}  // namespace cosmos
