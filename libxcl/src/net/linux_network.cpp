// SPDX-License-Identifier: BSD-3-Clause
// Plugs vifs into bridges, and hears of them.
#include "net/linux_network.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/route/link.h>
#include <poll.h>
#include <unistd.h>

#include "net/announcement.hpp"
#include "net/switch_marks.hpp"
#include "xcl/error.hpp"

namespace xcl::net {
namespace {

bool is_bridge(rtnl_link* link) {
    const char* const type = rtnl_link_get_type(link);
    return type != nullptr && std::string_view(type) == "bridge";
}

// The port's number on its bridge, which link messages carry where libnl does not look.
unsigned port_number(const VifId& vif) {
    const std::string path = fmt::format("/sys/class/net/{}/brport/port_no", interface_name(vif));
    const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    char text[16] = {};
    const ssize_t got = file.is_open() ? read(file.get(), text, sizeof text - 1) : -1;
    unsigned number = 0;
    constexpr std::ptrdiff_t prefix = 2;  // "0x"
    if (got <= prefix || std::from_chars(text + prefix, text + got, number, 16).ec != std::errc{})
        throw Error({.domain = vif.guest,
                     .doing = fmt::format("plug in {}", interface_name(vif)),
                     .call = fmt::format("read {}", path),
                     .error = errno});
    return number;
}

VifCounters counters_of(rtnl_link* link) {
    const auto count = [link](rtnl_link_stat_id_t id) { return rtnl_link_get_stat(link, id); };
    // What the control domain receives on the interface is what the guest has sent.
    return {.received_packets = count(RTNL_LINK_TX_PACKETS),
            .received_bytes = count(RTNL_LINK_TX_BYTES),
            .sent_packets = count(RTNL_LINK_RX_PACKETS),
            .sent_bytes = count(RTNL_LINK_RX_BYTES),
            .dropped_packets = count(RTNL_LINK_TX_DROPPED) + count(RTNL_LINK_RX_DROPPED)};
}

}  // namespace

Netlink& LinuxNetwork::netlink() {
    if (!netlink_)
        netlink_.emplace();
    return *netlink_;
}

std::vector<Switch> LinuxNetwork::switches() {
    const Stopwatch::Span span = stopwatch_.network();
    return marked_switches(netlink());
}

Bridge LinuxNetwork::bridge(const std::string& name) {
    const Stopwatch::Span span = stopwatch_.network();
    const Owned<rtnl_link> link = netlink().link_named(name.c_str());
    if (!link)
        throw Error({.doing = "attach a network interface",
                     .problem = fmt::format("this host has no bridge '{}'", name),
                     .hint = fmt::format("'cosmos switch add {}' makes one, 'cosmos switch list' "
                                         "shows those there are",
                                         name)});
    if (!is_bridge(link.get()))
        throw Error({.doing = "attach a network interface",
                     .problem = fmt::format("'{}' is no Linux bridge", name),
                     .hint = "for another kind of switch name a hotplug script, as in "
                             "script=vif-cosmos"});
    return {name, static_cast<unsigned>(rtnl_link_get_ifindex(link.get()))};
}

std::optional<Ipv4Interface> LinuxNetwork::address_of(unsigned index) {
    const Stopwatch::Span span = stopwatch_.network();
    return first_address(netlink(), index);
}

void LinuxNetwork::listen() {
    const Stopwatch::Span span = stopwatch_.network();
    if (!events_)
        events_.emplace();
}

std::optional<NetworkEvent> LinuxNetwork::ended_script() {
    for (auto script = scripts_.begin(); script != scripts_.end(); ++script) {
        pollfd ready{.fd = script->descriptor(), .events = POLLIN, .revents = 0};
        if (poll(&ready, 1, 0) != 1)
            continue;
        NetworkEvent event{.kind = NetworkEvent::Kind::script_ended,
                           .vif = script->vif(),
                           .problem = script->problem()};
        scripts_.erase(script);
        return event;
    }
    return std::nullopt;
}

std::optional<NetworkEvent> LinuxNetwork::wait_event(
    std::chrono::steady_clock::time_point deadline) {
    const Stopwatch::Span span = stopwatch_.network();
    using std::chrono::milliseconds;
    for (;;) {
        if (std::optional<NetworkEvent> event = events_->next())
            return event;
        if (std::optional<NetworkEvent> event = ended_script())
            return event;
        const auto left =
            std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
        if (left <= milliseconds::zero())
            return std::nullopt;
        std::vector<pollfd> ready{{.fd = events_->descriptor(), .events = POLLIN, .revents = 0}};
        for (const Script& script : scripts_)
            ready.push_back({.fd = script.descriptor(), .events = POLLIN, .revents = 0});
        constexpr std::int64_t most = 60'000;  // poll counts in an int
        if (poll(ready.data(), ready.size(), static_cast<int>(std::min(left.count(), most))) < 0 &&
            errno != EINTR)
            throw Error({.doing = "wait for a network interface", .call = "poll", .error = errno});
    }
}

std::optional<unsigned> LinuxNetwork::plug(const VifId& vif, const Bridge& bridge) {
    const Stopwatch::Span span = stopwatch_.network();
    const Owned<rtnl_link> which = new_link();
    const Owned<rtnl_link> change = new_link();
    rtnl_link_set_name(change.get(), interface_name(vif).c_str());
    rtnl_link_set_master(change.get(), static_cast<int>(bridge.index));
    rtnl_link_set_flags(change.get(), IFF_UP);
    const int error = netlink().result_of(
        [&](nl_sock* socket) { return rtnl_link_change(socket, which.get(), change.get(), 0); });
    if (error == EXFULL)
        return std::nullopt;
    if (error != 0)
        throw Error({.domain = vif.guest,
                     .doing = fmt::format("plug {} into {}", interface_name(vif), bridge.name),
                     .call = "RTM_NEWLINK",
                     .error = error});
    return port_number(vif);
}

std::optional<Interface> LinuxNetwork::interface_of(const VifId& vif) {
    const Stopwatch::Span span = stopwatch_.network();
    const Owned<rtnl_link> link = netlink().link_named(interface_name(vif).c_str());
    if (!link)
        return std::nullopt;
    Interface interface {
        .name = interface_name(vif),
        .index = static_cast<unsigned>(rtnl_link_get_ifindex(link.get())),
        // Not the carrier itself: until the kernel has taken note of that, it drops what is sent.
            .carrier = rtnl_link_get_operstate(link.get()) == IF_OPER_UP, .bridge = std::nullopt,
        .counters = counters_of(link.get())
    };
    if (const int master = rtnl_link_get_master(link.get()); master != 0)
        if (const Owned<rtnl_link> bridge = netlink().link_at(static_cast<unsigned>(master)))
            interface.bridge = {rtnl_link_get_name(bridge.get()), static_cast<unsigned>(master)};
    return interface;
}

void LinuxNetwork::announce(const VifId& vif, const MacAddress& mac,
                            const std::optional<std::uint32_t>& address) {
    const std::optional<Interface> interface = interface_of(vif);
    const Stopwatch::Span span = stopwatch_.network();
    if (interface && interface->bridge)
        send_announcement(interface->bridge->index, mac, address);
}

void LinuxNetwork::start_script(const ScriptCall& call) {
    scripts_.emplace_back(call);
}

std::string LinuxNetwork::run_script(const ScriptCall& call,
                                     std::chrono::steady_clock::time_point deadline) {
    using std::chrono::milliseconds;
    const Stopwatch::Span span = stopwatch_.network();
    Script script(call);
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd ready{.fd = script.descriptor(), .events = POLLIN, .revents = 0};
    if (poll(&ready, 1, static_cast<int>(std::max(left, milliseconds::zero()).count())) == 1)
        return script.problem();
    return fmt::format("the script {} did not end in time", call.path);
}

void LinuxNetwork::stop_script(const VifId& vif) noexcept {
    std::erase_if(scripts_, [&](const Script& script) { return script.vif() == vif; });
}

std::string LinuxNetwork::script_path(const std::string& name) {
    return find_script(name);
}

}  // namespace xcl::net
