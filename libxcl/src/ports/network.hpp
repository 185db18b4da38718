// SPDX-License-Identifier: BSD-3-Clause
// Network: the seam to the control domain's interfaces, bridges and hotplug scripts. net/
// implements it on netlink, tests fake it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "xcl/mac_address.hpp"
#include "xcl/network.hpp"

namespace xcl {

// A bridge, looked up once and then addressed by its index.
struct Bridge {
    std::string name;
    unsigned index = 0;

    friend bool operator==(const Bridge&, const Bridge&) = default;
};

struct Interface {
    std::string name;
    unsigned index = 0;
    bool carrier = false;  // of a vif: its frontend is connected
    std::optional<Bridge> bridge;
    VifCounters counters;
};

struct ScriptCall {
    std::string path;
    std::string action;  // "online", "offline": the script's first argument
    VifId vif;
    std::string bridge;
};

struct NetworkEvent {
    enum class Kind {
        appeared,      // netback offers the interface
        connected,     // the frontend is connected: the interface has a carrier
        script_ended,  // the vif's script has ended; `problem` is empty if it went well
        lost,          // events were lost: look at the interfaces themselves. `vif` says nothing
    };

    Kind kind = Kind::lost;
    VifId vif;
    std::string problem = {};
};

// Every call throws Error naming what failed.
class Network {
  public:
    Network() = default;
    Network(const Network&) = delete;
    Network& operator=(const Network&) = delete;
    virtual ~Network() = default;

    // The host's switches in the order of their numbers. Costs one look-up each, however many
    // guests there are.
    [[nodiscard]] virtual std::vector<Switch> switches() = 0;

    // Throws Error when there is no interface of this name or it is no Linux bridge.
    [[nodiscard]] virtual Bridge bridge(const std::string& name) = 0;

    // The first IPv4 address of that interface.
    [[nodiscard]] virtual std::optional<Ipv4Interface> address_of(unsigned index) = 0;

    // From now on what happens to vifs is kept for wait_event.
    virtual void listen() = 0;

    // Sleeps until something happens to a vif, whosever it is; nothing when the deadline passes
    // first.
    [[nodiscard]] virtual std::optional<NetworkEvent> wait_event(
        std::chrono::steady_clock::time_point deadline) = 0;

    // Puts the vif's interface on the bridge and sets it up. Returns its port number there, 1 to
    // max_switch_ports, or nothing when the bridge is full.
    [[nodiscard]] virtual std::optional<unsigned> plug(const VifId& vif, const Bridge& bridge) = 0;

    // Tells everybody on the vif's bridge that this MAC address is to be found there now, and with
    // an address, that the address belongs to it (gratuitous ARP). Of a vif on no bridge nobody
    // hears.
    virtual void announce(const VifId& vif, const MacAddress& mac,
                          const std::optional<std::uint32_t>& address) = 0;

    // Nothing when netback offers none.
    [[nodiscard]] virtual std::optional<Interface> interface_of(const VifId& vif) = 0;

    // Starts a hotplug script; script_ended tells of its end. listen() was called.
    virtual void start_script(const ScriptCall& call) = 0;
    // Runs one to its end, or kills it at the deadline. Returns what went wrong, empty if nothing.
    [[nodiscard]] virtual std::string run_script(
        const ScriptCall& call, std::chrono::steady_clock::time_point deadline) = 0;
    // Kills the vif's script if it still runs, with all that it started.
    virtual void stop_script(const VifId& vif) noexcept = 0;

    // The whole path of the script that a config names; throws Error where there is none.
    [[nodiscard]] virtual std::string script_path(const std::string& name) = 0;

    virtual void add_switch(const SwitchSpec& spec) = 0;
    // The bridge goes; the last of the other switches takes its number.
    virtual void remove_switch(const std::string& name) = 0;
    // The switches with what is plugged in.
    [[nodiscard]] virtual std::vector<SwitchDetails> switch_details() = 0;
};

}  // namespace xcl
