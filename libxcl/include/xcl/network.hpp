// SPDX-License-Identifier: BSD-3-Clause
// What a program sees of a host's network: its switches, and the vifs that are on them.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "xcl/domain_id.hpp"

namespace xcl {

// An IPv4 address with the length of its network's prefix: 10.0.0.1/22.
struct Ipv4Interface {
    std::uint32_t address = 0;  // in host byte order
    std::uint8_t prefix = 32;   // 0 to 32

    friend bool operator==(const Ipv4Interface&, const Ipv4Interface&) = default;
};

// "10.0.0.1/22"
[[nodiscard]] std::string ipv4_text(const Ipv4Interface& address);

// Of "10.0.0.1/22"; of "10.0.0.1" with prefix 32. Nothing for anything else.
[[nodiscard]] std::optional<Ipv4Interface> parse_ipv4(std::string_view text);

// A guest's network interface. Numbers count from 0 for each guest.
struct VifId {
    DomainId guest{0};
    std::uint16_t number = 0;

    // clang-tidy 14 takes the 0 that <=> is compared with for a null pointer.
    // NOLINTNEXTLINE(modernize-use-nullptr)
    friend auto operator<=>(const VifId&, const VifId&) = default;
};

// The name of the vif's other end in the control domain: "vif5.0", as netback makes it.
[[nodiscard]] std::string interface_name(const VifId& vif);

// The vif that an interface of the control domain belongs to; nothing for other interfaces.
[[nodiscard]] std::optional<VifId> vif_of_interface(std::string_view interface);

// A Linux bridge takes 1,024 ports (BR_MAX_PORTS, net/bridge/br_private.h), of which number 0 is
// never given away.
inline constexpr unsigned max_switch_ports = 1023;

// A backend switch: a Linux bridge of this host that guests are spread over. It is one because it
// carries the alternative name "cosmos-switch-NUMBER"; the numbers have no gaps.
struct Switch {
    std::string name;
    unsigned number = 0;
    unsigned interface_index = 0;
};

// A switch with what is plugged in; finding that out looks at every interface of the host.
struct SwitchDetails {
    Switch itself;
    bool up = false;
    std::optional<Ipv4Interface> address;  // the host's own on it, and the network of its guests
    unsigned ports = 0;
    std::vector<std::string> uplinks;  // interfaces on it that belong to no guest
};

struct SwitchSpec {
    std::string name;  // 1 to 15 bytes; of a new bridge, or of one that exists already
    std::optional<Ipv4Interface> address;
    std::string uplink;  // an interface to put on it, empty for none
};

struct VifCounters {  // as the guest sees them
    std::uint64_t received_packets = 0;
    std::uint64_t received_bytes = 0;
    std::uint64_t sent_packets = 0;
    std::uint64_t sent_bytes = 0;
    std::uint64_t dropped_packets = 0;  // in either direction
};

// What is known of a vif.
struct VifInfo {
    VifId id;
    std::string mac;
    std::string ip;           // as its config or `ip=auto` gave it, empty if neither did
    std::string switch_name;  // empty while it is on none (or one that is no Linux bridge)
    std::string interface;    // in the control domain; empty if there is none
    std::string state;        // of the backend: "connected", "initialising", …
    std::string script;       // the hotplug script that attached it; empty: libxcl itself
    VifCounters counters;
};

}  // namespace xcl
