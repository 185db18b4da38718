// SPDX-License-Identifier: BSD-3-Clause
// FakeNetwork: the control domain's bridges, netback, hotplug scripts and the guests' frontends,
// without any of them. They act on what is written to the fake store, as the real ones do.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "fake_store.hpp"
#include "faults.hpp"
#include "ports/network.hpp"

namespace xcl::test {

struct FakeBridge {
    std::string name;
    unsigned index = 0;
    std::optional<Ipv4Interface> address = {};
    unsigned room = max_switch_ports;  // ports that it takes
    bool is_switch = true;

    friend bool operator==(const FakeBridge&, const FakeBridge&) = default;
};

// What netback offers of a vif.
struct FakeVif {
    bool carrier = false;
    unsigned bridge_index = 0;  // 0: on none
    unsigned port = 0;

    friend bool operator==(const FakeVif&, const FakeVif&) = default;
};

class FakeNetwork final : public Network {
  public:
    // Of that host. Its calls stand among the hypervisor's, "plug vif1.0 xenbr0".
    FakeNetwork(Faults& faults, FakeHypervisor& hypervisor, FakeStore& store);

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

    // A bridge; returns it to be changed.
    FakeBridge& add_bridge(const std::string& name, std::optional<Ipv4Interface> address = {});

    // netback offers the vif's interface, if its record has all that it wants.
    void offer(const VifId& vif);
    // The guest's frontend connects, if it may.
    void connect(const VifId& vif);
    // Somebody kills or ends the script that runs for the vif.
    void end_script(const VifId& vif, const std::string& problem);

    // All that is on its way happens, and nobody hears of it.
    void settle();

    [[nodiscard]] std::size_t plugged_into(const std::string& bridge) const;

    std::deque<FakeBridge> bridges;
    std::map<VifId, FakeVif> vifs;  // that netback offers
    std::set<VifId> running;        // scripts
    std::set<VifId> scripted;       // told "online" and not yet "offline"
    std::vector<ScriptCall> script_calls;
    std::vector<std::string> announced = {};  // "vif1.0 00:16:3e:00:00:01 10.0.0.2/32"
    bool listening = false;

    // How the host behaves.
    bool netback_works = true;
    std::string netback_notes;         // where it does not: its words in XenStore
    bool offers_while_asleep = false;  // not before somebody sleeps in wait_event
    bool loses_events = false;         // all come as `lost`
    bool frontends_connect = true;     // once the guest runs
    // Whether a backend says so with the carrier, or only while somebody sleeps on the store.
    enum class Backends { connect, connect_last, never };
    Backends backends = Backends::connect;
    bool frontends_let_go = true;  // when the backend is closing
    bool scripts_end = true;
    std::string script_problem;                                  // how they end
    std::set<std::string> scripts{"/etc/xen/scripts/vif-test"};  // that can be run

    // What happens, one after the other, while wait_event sleeps.
    std::deque<std::function<void()>> while_asleep;
    std::deque<NetworkEvent> events;

  private:
    void begin(const std::string& name, const std::string& object = {});
    void tell(NetworkEvent event);
    void written(const std::string& path, const std::string& value);
    void removed(const std::string& path);
    void unpaused(std::uint16_t id);

    Faults& faults_;
    FakeHypervisor& hypervisor_;
    FakeStore& store_;
};

}  // namespace xcl::test
