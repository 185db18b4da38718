// SPDX-License-Identifier: BSD-3-Clause
// The calls of the Network port on tables, and those who act in a real control domain.
#include "fake_network.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "record/record.hpp"
#include "xcl/error.hpp"

namespace xcl::test {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void refuse(const std::string& call, int error) {
    throw Error({.doing = "do what a test asks", .call = call, .error = error});
}

// Takes "NUMBER" off the front.
std::optional<std::uint16_t> take_number(std::string_view& text) {
    std::uint16_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{})
        return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return number;
}

// The vif of "PREFIX5MIDDLE0REST", where `rest` follows.
std::optional<VifId> vif_at(std::string_view path, std::string_view prefix, std::string_view middle,
                            std::string_view rest) {
    if (!path.starts_with(prefix))
        return std::nullopt;
    path.remove_prefix(prefix.size());
    const auto guest = take_number(path);
    if (!guest || !path.starts_with(middle))
        return std::nullopt;
    path.remove_prefix(middle.size());
    const auto number = take_number(path);
    if (!number || path != rest)
        return std::nullopt;
    return VifId{DomainId(*guest), *number};
}

constexpr std::string_view backends_home = "/local/domain/0/backend/vif/";

}  // namespace

FakeNetwork::FakeNetwork(Faults& faults, FakeHypervisor& hypervisor, FakeStore& store)
    : faults_(faults), hypervisor_(hypervisor), store_(store) {
    store.on_write = [this](const std::string& path, const std::string& value) {
        written(path, value);
    };
    store.on_remove = [this](const std::string& path) { removed(path); };
    hypervisor.on_unpause = [this](std::uint16_t id) { unpaused(id); };
}

void FakeNetwork::begin(const std::string& name, const std::string& object) {
    hypervisor_.calls.push_back(object.empty() ? name : fmt::format("{} {}", name, object));
    if (const int error = faults_.pass(name); error != 0)
        refuse(name, error);
}

FakeBridge& FakeNetwork::add_bridge(const std::string& name, std::optional<Ipv4Interface> address) {
    const auto index = static_cast<unsigned>(10 + bridges.size());
    return bridges.emplace_back(FakeBridge{.name = name, .index = index, .address = address});
}

std::vector<Switch> FakeNetwork::switches() {
    begin("switches");
    std::vector<Switch> all;
    for (const FakeBridge& bridge : bridges)
        if (bridge.is_switch)
            all.push_back({.name = bridge.name,
                           .number = static_cast<unsigned>(all.size()),
                           .interface_index = bridge.index});
    return all;
}

Bridge FakeNetwork::bridge(const std::string& name) {
    begin("bridge", name);
    const auto found = std::ranges::find(bridges, name, &FakeBridge::name);
    if (found == bridges.end())
        throw Error({.problem = fmt::format("this host has no bridge '{}'", name)});
    return {name, found->index};
}

std::optional<Ipv4Interface> FakeNetwork::address_of(unsigned index) {
    begin("address_of");
    const auto found = std::ranges::find(bridges, index, &FakeBridge::index);
    return found == bridges.end() ? std::nullopt : found->address;
}

void FakeNetwork::listen() {
    begin("listen");
    listening = true;
}

void FakeNetwork::tell(NetworkEvent event) {
    if (!listening)
        return;
    if (loses_events)
        event = {.kind = NetworkEvent::Kind::lost, .vif = {}};
    events.push_back(std::move(event));
}

std::optional<NetworkEvent> FakeNetwork::wait_event(Clock::time_point deadline) {
    if (const int error = faults_.pass("wait_event"); error != 0)
        refuse("wait_event", error);
    EXPECT_TRUE(listening) << "waits for what it did not ask to hear";
    while (events.empty() && !while_asleep.empty() && Clock::now() < deadline) {
        const std::function<void()> happens = std::move(while_asleep.front());
        while_asleep.pop_front();
        happens();
    }
    if (events.empty()) {
        if (deadline > Clock::now() + std::chrono::seconds(1)) {
            ADD_FAILURE() << "sleeps though nothing will happen";
            refuse("wait_event", EDEADLK);
        }
        std::this_thread::sleep_until(deadline);
        return std::nullopt;
    }
    NetworkEvent event = std::move(events.front());
    events.pop_front();
    return event;
}

std::optional<unsigned> FakeNetwork::plug(const VifId& vif, const Bridge& bridge) {
    begin("plug", fmt::format("{} {}", interface_name(vif), bridge.name));
    const auto into = std::ranges::find(bridges, bridge.index, &FakeBridge::index);
    const auto found = vifs.find(vif);
    if (into == bridges.end() || into->name != bridge.name || found == vifs.end())
        refuse("plug", ENODEV);
    if (plugged_into(bridge.name) >= into->room)
        return std::nullopt;
    std::set<unsigned> taken;
    for (const auto& [other, what] : vifs)
        if (what.bridge_index == bridge.index)
            taken.insert(what.port);
    unsigned port = 1;
    while (taken.contains(port))
        ++port;
    found->second.bridge_index = bridge.index;
    found->second.port = port;
    return port;
}

void FakeNetwork::settle() {
    while (!while_asleep.empty()) {
        const std::function<void()> happens = std::move(while_asleep.front());
        while_asleep.pop_front();
        happens();
    }
    events.clear();
}

std::size_t FakeNetwork::plugged_into(const std::string& bridge) const {
    const auto found = std::ranges::find(bridges, bridge, &FakeBridge::name);
    return static_cast<std::size_t>(std::ranges::count_if(
        vifs, [&](const auto& vif) { return vif.second.bridge_index == found->index; }));
}

void FakeNetwork::announce(const VifId& vif, const MacAddress& mac,
                           const std::optional<std::uint32_t>& address) {
    begin("announce", interface_name(vif));
    announced.push_back(
        fmt::format("{} {} {}", interface_name(vif), mac_text(mac),
                    address ? ipv4_text({.address = *address, .prefix = 32}) : "-"));
}

std::optional<Interface> FakeNetwork::interface_of(const VifId& vif) {
    begin("interface_of", interface_name(vif));
    const auto found = vifs.find(vif);
    if (found == vifs.end())
        return std::nullopt;
    Interface interface {
        .name = interface_name(vif), .index = 100U + vif.guest.value(),
        .carrier = found->second.carrier, .bridge = std::nullopt, .counters = {}
    };
    interface.counters.sent_packets = 7;
    for (const FakeBridge& bridge : bridges)
        if (bridge.index == found->second.bridge_index)
            interface.bridge = {bridge.name, bridge.index};
    return interface;
}

void FakeNetwork::start_script(const ScriptCall& call) {
    begin("start_script", fmt::format("{} {}", call.action, interface_name(call.vif)));
    EXPECT_TRUE(listening);
    script_calls.push_back(call);
    if (!scripts.contains(call.path))
        refuse("start_script", ENOENT);
    scripted.insert(call.vif);
    running.insert(call.vif);
    if (scripts_end)
        while_asleep.push_front([this, vif = call.vif] { end_script(vif, script_problem); });
}

void FakeNetwork::end_script(const VifId& vif, const std::string& problem) {
    if (running.erase(vif) == 0)
        return;
    if (problem.empty())
        store_.write(backend_path(vif) + "/hotplug-status", "connected");
    tell({.kind = NetworkEvent::Kind::script_ended, .vif = vif, .problem = problem});
    if (problem.empty() && !hypervisor_.domain(vif.guest).pauses)
        connect(vif);
}

std::string FakeNetwork::run_script(const ScriptCall& call, Clock::time_point /*deadline*/) {
    begin("run_script", fmt::format("{} {}", call.action, interface_name(call.vif)));
    EXPECT_FALSE(running.contains(call.vif)) << "two scripts of one vif at once";
    script_calls.push_back(call);
    if (!scripts.contains(call.path))
        refuse("run_script", ENOENT);
    // Scripts look into the record.
    EXPECT_TRUE(store_.exists(backend_path(call.vif) + "/script"));
    if (call.action == "offline")
        scripted.erase(call.vif);
    return script_problem;
}

void FakeNetwork::stop_script(const VifId& vif) noexcept {
    if (!faults_.killed())
        running.erase(vif);
}

std::string FakeNetwork::script_path(const std::string& name) {
    begin("script_path", name);
    const std::string path = name.starts_with('/') ? name : "/etc/xen/scripts/" + name;
    if (!scripts.contains(path))
        throw Error({.problem = fmt::format("there is no hotplug script '{}'", name)});
    return path;
}

void FakeNetwork::add_switch(const SwitchSpec& spec) {
    begin("add_switch", spec.name);
    add_bridge(spec.name, spec.address);
}

void FakeNetwork::remove_switch(const std::string& name) {
    begin("remove_switch", name);
    std::erase_if(bridges, [&](const FakeBridge& bridge) { return bridge.name == name; });
}

std::vector<SwitchDetails> FakeNetwork::switch_details() {
    begin("switch_details");
    std::vector<SwitchDetails> all;
    for (const FakeBridge& bridge : bridges)
        all.push_back({.itself = {bridge.name, static_cast<unsigned>(all.size()), bridge.index},
                       .up = true,
                       .address = bridge.address,
                       .ports = static_cast<unsigned>(plugged_into(bridge.name)),
                       .uplinks = {}});
    return all;
}

void FakeNetwork::offer(const VifId& vif) {
    const std::string backend = backend_path(vif);
    // netback gives up a vif whose frontend has no state.
    if (!store_.exists(backend + "/state") || !store_.exists(frontend_path(vif) + "/state"))
        return;
    std::string refusal = netback_works ? "" : netback_notes;
    for (const char* const key : {"frontend", "frontend-id", "handle", "mac", "script", "online"})
        if (!store_.exists(fmt::format("{}/{}", backend, key)))
            refusal = fmt::format("2 reading {}", key);
    if (!refusal.empty())
        store_.write(backend_error_path(vif), refusal);
    if (!refusal.empty() || !netback_works)
        return;
    vifs[vif] = {};
    store_.write(backend + "/state", "2");
    tell({.kind = NetworkEvent::Kind::appeared, .vif = vif});
}

void FakeNetwork::connect(const VifId& vif) {
    const auto found = vifs.find(vif);
    const std::string frontend_state = frontend_path(vif) + "/state";
    if (found == vifs.end() || found->second.carrier || !frontends_connect ||
        !store_.exists(frontend_state) || !store_.exists(backend_path(vif) + "/hotplug-status"))
        return;
    found->second.carrier = true;
    store_.write(frontend_state, "4");
    const auto connect_backend = [this, state = backend_path(vif) + "/state"] {
        if (store_.exists(state))
            store_.write(state, "4");
    };
    if (backends == Backends::connect_last)
        store_.while_asleep.emplace_back(connect_backend);
    else if (backends == Backends::connect)
        connect_backend();
    tell({.kind = NetworkEvent::Kind::connected, .vif = vif});
}

void FakeNetwork::written(const std::string& path, const std::string& value) {
    if (const auto vif = vif_at(path, backends_home, "/", "/state")) {
        if (value == "1" && offers_while_asleep)
            while_asleep.push_back([this, vif = *vif] { offer(vif); });
        else if (value == "1")
            offer(*vif);
        else if (value == "5" && frontends_let_go)
            store_.while_asleep.push_back([this, backend = path, vif = *vif] {
                store_.write(frontend_path(vif) + "/state", "6");
                store_.write(backend, "6");
            });
    }
    if (const auto vif = vif_at(path, backends_home, "/", "/hotplug-status");
        vif && vifs.contains(*vif) && hypervisor_.domain(vif->guest).pauses == 0)
        while_asleep.push_back([this, vif = *vif] { connect(vif); });
    if (const auto vif = vif_at(path, "/local/domain/", "/device/vif/", "/state");
        vif && value == "1" && hypervisor_.exists(vif->guest) &&
        hypervisor_.domain(vif->guest).pauses == 0)
        while_asleep.push_back([this, vif = *vif] { connect(vif); });
}

void FakeNetwork::removed(const std::string& path) {
    if (const auto vif = vif_at(path, backends_home, "/", ""))
        vifs.erase(*vif);
}

void FakeNetwork::unpaused(std::uint16_t id) {
    for (const auto& [vif, what] : vifs)
        if (vif.guest == DomainId(id))
            while_asleep.push_back([this, vif = vif] { connect(vif); });
}

}  // namespace xcl::test
