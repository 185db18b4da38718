// SPDX-License-Identifier: BSD-3-Clause
// LinuxNetwork: the Network port on the control domain's kernel, by netlink, and on its hotplug
// scripts.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "core/stopwatch.hpp"
#include "net/netlink.hpp"
#include "net/script.hpp"
#include "net/vif_events.hpp"
#include "ports/network.hpp"

namespace xcl::net {

class LinuxNetwork final : public Network {
  public:
    // Opens nothing until it is asked for something. Has its time taken by `stopwatch`, which
    // outlives it.
    explicit LinuxNetwork(Stopwatch& stopwatch) : stopwatch_(stopwatch) {}

    std::vector<Switch> switches() override;
    Bridge bridge(const std::string& name) override;
    std::optional<Ipv4Interface> address_of(unsigned index) override;
    void listen() override;
    std::optional<NetworkEvent> wait_event(std::chrono::steady_clock::time_point deadline) override;
    std::optional<unsigned> plug(const VifId& vif, const Bridge& bridge) override;
    void announce(const VifId& vif, const MacAddress& mac,
                  const std::optional<std::uint32_t>& address) override;
    std::optional<Interface> interface_of(const VifId& vif) override;
    void start_script(const ScriptCall& call) override;
    std::string run_script(const ScriptCall& call,
                           std::chrono::steady_clock::time_point deadline) override;
    void stop_script(const VifId& vif) noexcept override;
    std::string script_path(const std::string& name) override;
    void add_switch(const SwitchSpec& spec) override;
    void remove_switch(const std::string& name) override;
    std::vector<SwitchDetails> switch_details() override;

  private:
    Netlink& netlink();
    std::optional<NetworkEvent> ended_script();

    Stopwatch& stopwatch_;
    std::optional<Netlink> netlink_;
    std::optional<VifEvents> events_;
    std::vector<Script> scripts_;  // that run
};

}  // namespace xcl::net
