// SPDX-License-Identifier: BSD-3-Clause
// VifPlan: what a config says of a vif, found out once for all guests of a batch: which bridge or
// which set of switches, which script.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ports/network.hpp"
#include "record/record.hpp"
#include "xcl/guest_config.hpp"

namespace xcl::verbs {

// One of the bridges that a vif may be plugged into, with its network for `ip=auto`.
struct PlanBridge {
    Bridge bridge;
    std::optional<Ipv4Interface> network;
};

struct VifPlan {
    VifConfig config;
    std::vector<PlanBridge> bridges;  // one that the config names, or the host's switches
    std::string script;               // the whole path; empty: libxcl plugs it in itself
    std::uint16_t number = 0;         // of the vif, counted from the first that is given

    // The place in `bridges` at which to begin for this vif: guests are spread over them by their
    // id, which costs the same however many there are.
    [[nodiscard]] std::size_t first_choice(const VifId& vif) const {
        return (vif.guest.value() + vif.number) % bridges.size();
    }
};

// Looks up what the vifs need, before any guest is made. Throws Error for what is missing, and for
// what `count` guests cannot share.
[[nodiscard]] std::vector<VifPlan> plan_vifs(Network& network, std::span<const VifConfig> vifs,
                                             unsigned count);

// The same for guests that are made again: vifs[i] has the number numbers[i].
[[nodiscard]] std::vector<VifPlan> plan_vifs(Network& network, std::span<const VifConfig> vifs,
                                             unsigned count,
                                             std::span<const std::uint16_t> numbers);

// All of them go to this switch or bridge, without scripts; empty: where their configs say.
void send_to_switch(std::span<VifConfig> vifs, const std::string& name);

// What is recorded of the plan's vif when it becomes `vif`.
[[nodiscard]] RecordedVif recorded(const VifPlan& plan, const VifId& vif);

// In 00:16:3e, the range of Xen's vifs. Its upper half, which libxl leaves alone (it draws from the
// lower), is numbered by guest and vif: no two vifs on this host can get the same.
[[nodiscard]] MacAddress generated_mac(const VifId& vif);

// The address that port `port` of a bridge gets in the bridge's network: every port has one of its
// own, none has the host's. Nothing when the network is too small for it.
[[nodiscard]] std::optional<Ipv4Interface> address_for_port(const Ipv4Interface& host,
                                                            unsigned port);

}  // namespace xcl::verbs
