// SPDX-License-Identifier: BSD-3-Clause
// Finds out what vifs need.
#include "verbs/vif_plan.hpp"

#include <fmt/format.h>

#include "xcl/error.hpp"

namespace xcl::verbs {
namespace {

constexpr const char* attaching = "attach a network interface";

void require_shareable(const VifConfig& vif, unsigned count) {
    if (count <= 1)
        return;
    const auto fail = [&](std::string_view what, std::string_view hint) {
        throw Error({.kind = ErrorKind::bad_config,
                     .problem = fmt::format("{} guests cannot share the {}", count, what),
                     .hint = std::string(hint)});
    };
    if (vif.mac)
        fail(fmt::format("MAC address {}", mac_text(*vif.mac)),
             "leave 'mac' out: each guest then gets one of its own");
    if (vif.ip.kind == VifAddress::Kind::fixed)
        fail(fmt::format("address {}", vif.ip.text), "write ip=auto");
}

std::vector<PlanBridge> bridges_for(Network& network, const VifConfig& vif) {
    if (!vif.bridge.empty()) {
        // A script may know more kinds of bridges than we do.
        if (!vif.script.empty())
            return {{.bridge = {vif.bridge, 0}, .network = std::nullopt}};
        return {{.bridge = network.bridge(vif.bridge), .network = std::nullopt}};
    }
    std::vector<PlanBridge> bridges;
    for (const Switch& marked : network.switches())
        bridges.push_back(
            {.bridge = {marked.name, marked.interface_index}, .network = std::nullopt});
    if (bridges.empty())
        throw Error({.doing = attaching,
                     .problem = "this host has no switch",
                     .hint = "'cosmos switch add NAME' makes one; or name a bridge of yours: "
                             "vif = ['bridge=NAME']"});
    return bridges;
}

void find_networks(Network& network, VifPlan& plan) {
    if (plan.config.ip.kind != VifAddress::Kind::automatic)
        return;
    if (!plan.script.empty())
        throw Error({.kind = ErrorKind::bad_config,
                     .problem = "ip=auto needs a switch that libxcl plugs the vif into itself, yet "
                                "'script' is given",
                     .hint = "leave 'script' out, or give an address"});
    for (PlanBridge& choice : plan.bridges) {
        choice.network = network.address_of(choice.bridge.index);
        if (!choice.network)
            throw Error({.doing = attaching,
                         .problem = fmt::format("ip=auto: the switch '{}' has no address, so its "
                                                "network is unknown",
                                                choice.bridge.name),
                         .hint = fmt::format("'ip address add 10.0.0.1/22 dev {}' gives it one",
                                             choice.bridge.name)});
    }
}

std::string rate_text(const std::optional<VifRate>& rate) {
    return rate ? fmt::format("{},{}", rate->bytes, rate->interval_us) : std::string();
}

std::string address_text(const VifAddress& ip) {
    if (ip.kind != VifAddress::Kind::fixed)
        return {};
    return ip.prefix ? fmt::format("{}/{}", ip.text, *ip.prefix) : ip.text;
}

}  // namespace

std::vector<VifPlan> plan_vifs(Network& network, std::span<const VifConfig> vifs, unsigned count) {
    std::vector<VifPlan> plans;
    for (const VifConfig& vif : vifs) {
        require_shareable(vif, count);
        VifPlan plan{.config = vif,
                     .bridges = bridges_for(network, vif),
                     .script = {},
                     .number = static_cast<std::uint16_t>(plans.size())};
        if (!vif.script.empty())
            plan.script = network.script_path(vif.script);
        find_networks(network, plan);
        plans.push_back(std::move(plan));
    }
    return plans;
}

std::vector<VifPlan> plan_vifs(Network& network, std::span<const VifConfig> vifs, unsigned count,
                               std::span<const std::uint16_t> numbers) {
    std::vector<VifPlan> plans = plan_vifs(network, vifs, count);
    for (std::size_t i = 0; i < plans.size(); ++i)
        plans[i].number = numbers[i];
    return plans;
}

void send_to_switch(std::span<VifConfig> vifs, const std::string& name) {
    if (name.empty())
        return;
    for (VifConfig& vif : vifs) {
        vif.bridge = name;
        vif.script.clear();
    }
}

RecordedVif recorded(const VifPlan& plan, const VifId& vif) {
    const bool by_script = !plan.script.empty();
    return {.number = vif.number,
            .mac = mac_text(plan.config.mac.value_or(generated_mac(vif))),
            .ip = address_text(plan.config.ip),
            .rate = rate_text(plan.config.rate),
            .script = plan.script,
            .bridge = by_script ? plan.bridges[plan.first_choice(vif)].bridge.name : ""};
}

MacAddress generated_mac(const VifId& vif) {
    static_assert(GuestConfig::max_vifs <= 256 && DomainId::first_reserved <= 1U << 15);
    const std::uint32_t number = 1U << 23 | (vif.number & 0xFFU) << 15 | vif.guest.value();
    const auto byte = [number](unsigned shift) {
        return static_cast<std::uint8_t>(number >> shift);
    };
    return {.bytes = {0x00, 0x16, 0x3e, byte(16), byte(8), byte(0)}};
}

std::optional<Ipv4Interface> address_for_port(const Ipv4Interface& host, unsigned port) {
    const std::uint64_t hosts = std::uint64_t{1} << (32 - host.prefix);  // of the network
    const auto mask = static_cast<std::uint32_t>(hosts - 1);
    // Number 0 names the network, the last one is its broadcast address; the host has one between.
    std::uint64_t number = port;
    if (number >= (host.address & mask))
        ++number;
    if (number + 1 >= hosts)
        return std::nullopt;
    return Ipv4Interface{.address = (host.address & ~mask) + static_cast<std::uint32_t>(number),
                         .prefix = host.prefix};
}

}  // namespace xcl::verbs
