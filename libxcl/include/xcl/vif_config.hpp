// SPDX-License-Identifier: BSD-3-Clause
// VifConfig: what one network interface of a guest should be, and the reader of its text form
// (an item of xl.cfg's `vif`).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "xcl/mac_address.hpp"

namespace xcl {

// The IPv4 address that a vif is to use.
struct VifAddress {
    enum class Kind {
        none,       // nobody but the guest knows
        automatic,  // "auto": libxcl chooses one
        fixed,      // `text`, and `prefix` if one was given
    };

    Kind kind = Kind::none;
    std::string text;                    // "10.0.0.2", as inet_ntop writes it
    std::optional<std::uint8_t> prefix;  // bits of the network, 1 to 32

    friend bool operator==(const VifAddress&, const VifAddress&) = default;
};

// How much a guest may send: netback gives it `bytes` of credit every `interval_us`. The backend's
// node `rate` is "BYTES,INTERVAL_US". A guest that waited may have a burst of 128 KiB all the same
// (Linux, xen-netback, tx_add_credit).
struct VifRate {
    std::uint32_t bytes = 0;        // at least 1
    std::uint32_t interval_us = 0;  // at least 1

    friend bool operator==(const VifRate&, const VifRate&) = default;
};

struct VifConfig {
    std::optional<MacAddress> mac;  // unicast and not zero; none: libxcl makes one
    std::string bridge;             // at most max_bridge bytes; empty: one of the host's switches
    VifAddress ip;
    std::string script;  // a name within Xen's directory of scripts, or an absolute path; empty:
                         // libxcl attaches the vif itself
    std::optional<VifRate> rate;  // none: as fast as it goes

    // A Linux interface's name has IFNAMSIZ (16) bytes with its final NUL.
    static constexpr std::size_t max_bridge = 15;

    friend bool operator==(const VifConfig&, const VifConfig&) = default;
};

struct ParsedVif {
    VifConfig vif;
    std::vector<std::string> warnings;  // whole lines: "command line:1:5: 'mtu' has no effect here"
};

// Reads one vif as xl-network-configuration(5) writes it, "mac=00:16:3e:00:00:01,bridge=xenbr0";
// the empty string is a vif with all defaults. Throws Error (bad_config) as parse_config does; its
// origin is "command line", its line `line`, the number of the argument.
[[nodiscard]] ParsedVif parse_vif(std::string_view text, std::size_t line = 1);

}  // namespace xcl
