// SPDX-License-Identifier: BSD-3-Clause
// Makes, removes and lists switches.
#include <algorithm>
#include <array>
#include <cerrno>
#include <new>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if.h>
#include <netlink/addr.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <sys/random.h>

#include "net/linux_network.hpp"
#include "net/switch_marks.hpp"
#include "xcl/error.hpp"

namespace xcl::net {
namespace {

// What a bridge says of itself that was made here (IFLA_IFALIAS): only such a one is deleted.
constexpr const char* made_here = "made by cosmos switch add";

[[noreturn]] void throw_refused(const std::string& doing, const char* call, int error) {
    throw Error({.doing = doing,
                 .call = call,
                 .error = error,
                 .hint = error == EPERM ? "this takes root's rights: try it with sudo" : ""});
}

unsigned index_of(rtnl_link* link) {
    return static_cast<unsigned>(rtnl_link_get_ifindex(link));
}

// A bridge that is given no address has that of one of its ports, and another one when that leaves:
// guests would look for their gateway where it was. 02: locally administered, of a single
// interface.
Owned<nl_addr> lasting_address() {
    std::array<std::uint8_t, 6> bytes{};
    if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
        throw Error({.doing = "make a bridge", .call = "getrandom", .error = errno});
    bytes[0] = 0x02;
    Owned<nl_addr> address(nl_addr_build(AF_LLC, bytes.data(), bytes.size()));
    if (!address)
        throw std::bad_alloc();
    return address;
}

void make_bridge(Netlink& netlink, const std::string& name) {
    const Owned<rtnl_link> bridge = new_link();
    rtnl_link_set_type(bridge.get(), "bridge");
    rtnl_link_set_name(bridge.get(), name.c_str());
    rtnl_link_set_addr(bridge.get(), lasting_address().get());
    const int error = netlink.result_of([&](nl_sock* socket) {
        return rtnl_link_add(socket, bridge.get(), NLM_F_CREATE | NLM_F_EXCL);
    });
    if (error != 0)
        throw_refused(fmt::format("make the bridge {}", name), "RTM_NEWLINK", error);
}

void delete_bridge(Netlink& netlink, unsigned index) {
    const Owned<rtnl_link> bridge = new_link();
    rtnl_link_set_ifindex(bridge.get(), static_cast<int>(index));
    const int error =
        netlink.result_of([&](nl_sock* socket) { return rtnl_link_delete(socket, bridge.get()); });
    if (error != 0)
        throw_refused("remove the bridge", "RTM_DELLINK", error);
}

// Sets the interface up, with whatever else the change says.
void set_up(Netlink& netlink, rtnl_link* link, const Owned<rtnl_link>& change) {
    rtnl_link_set_flags(change.get(), IFF_UP);
    const int error = netlink.result_of(
        [&](nl_sock* socket) { return rtnl_link_change(socket, link, change.get(), 0); });
    if (error != 0)
        throw_refused(fmt::format("set {} up", rtnl_link_get_name(link)), "RTM_NEWLINK", error);
}

void set_up_bridge(Netlink& netlink, rtnl_link* bridge, bool is_new) {
    const Owned<rtnl_link> change = new_link();
    if (is_new)
        rtnl_link_set_ifalias(change.get(), made_here);
    set_up(netlink, bridge, change);
}

void set_up_on(Netlink& netlink, rtnl_link* port, unsigned bridge_index) {
    const Owned<rtnl_link> change = new_link();
    rtnl_link_set_master(change.get(), static_cast<int>(bridge_index));
    set_up(netlink, port, change);
}

Owned<rtnl_addr> address_entry(unsigned index, const Ipv4Interface& address) {
    const std::uint32_t bytes = htonl(address.address);
    const Owned<nl_addr> local(nl_addr_build(AF_INET, &bytes, sizeof bytes));
    Owned<rtnl_addr> entry(rtnl_addr_alloc());
    if (!local || !entry)
        throw std::bad_alloc();
    nl_addr_set_prefixlen(local.get(), address.prefix);
    rtnl_addr_set_ifindex(entry.get(), static_cast<int>(index));
    rtnl_addr_set_local(entry.get(), local.get());
    return entry;
}

// Returns false when the interface has it already.
bool add_address(Netlink& netlink, unsigned index, const Ipv4Interface& address) {
    const Owned<rtnl_addr> entry = address_entry(index, address);
    const int error = netlink.result_of([&](nl_sock* socket) {
        return rtnl_addr_add(socket, entry.get(), NLM_F_CREATE | NLM_F_EXCL);
    });
    if (error != 0 && error != EEXIST)
        throw_refused(fmt::format("give it the address {}", ipv4_text(address)), "RTM_NEWADDR",
                      error);
    return error == 0;
}

void take_address_back(Netlink& netlink, unsigned index, const Ipv4Interface& address) {
    const Owned<rtnl_addr> entry = address_entry(index, address);
    static_cast<void>(netlink.result_of(
        [&](nl_sock* socket) { return rtnl_addr_delete(socket, entry.get(), 0); }));
}

bool is_made_here(rtnl_link* link) {
    const char* const alias = rtnl_link_get_ifalias(link);
    return alias != nullptr && std::string_view(alias) == made_here;
}

void require_bridge(rtnl_link* link, const std::string& name, const std::vector<Switch>& marked) {
    const char* const type = rtnl_link_get_type(link);
    if (type == nullptr || std::string_view(type) != "bridge")
        throw Error({.doing = fmt::format("make '{}' a switch", name),
                     .problem = "there is an interface of this name that is no Linux bridge",
                     .hint = "choose another name"});
    if (std::ranges::find(marked, index_of(link), &Switch::interface_index) != marked.end())
        throw Error({.doing = fmt::format("make '{}' a switch", name),
                     .problem = "it is one already",
                     .hint = "'cosmos switch list' shows it"});
}

}  // namespace

void LinuxNetwork::add_switch(const SwitchSpec& spec) {
    Netlink& net = netlink();
    const Owned<rtnl_link> uplink =
        spec.uplink.empty() ? Owned<rtnl_link>() : net.link_named(spec.uplink.c_str());
    if (!spec.uplink.empty() && !uplink)
        throw Error(
            {.doing = fmt::format("make '{}' a switch", spec.name),
             .problem = fmt::format("there is no interface '{}' to be its uplink", spec.uplink)});
    Owned<rtnl_link> bridge = net.link_named(spec.name.c_str());
    const bool existed = bridge != nullptr;
    if (existed)
        require_bridge(bridge.get(), spec.name, marked_switches(net));
    else
        make_bridge(net, spec.name);
    bool addressed = false;
    try {
        if (!existed)
            bridge = net.link_named(spec.name.c_str());
        if (!bridge)
            throw_refused(fmt::format("make the bridge {}", spec.name), "RTM_GETLINK", ENODEV);
        if (spec.address)
            addressed = add_address(net, index_of(bridge.get()), *spec.address);
        set_up_bridge(net, bridge.get(), !existed);
        if (uplink)
            set_up_on(net, uplink.get(), index_of(bridge.get()));
        // Last: from now on guests may come to it.
        mark_switch(net, index_of(bridge.get()));
    } catch (const Error&) {
        if (!existed && bridge)
            delete_bridge(net, index_of(bridge.get()));
        else if (addressed)
            take_address_back(net, index_of(bridge.get()), *spec.address);
        throw;
    }
}

void LinuxNetwork::remove_switch(const std::string& name) {
    Netlink& net = netlink();
    const std::vector<Switch> marked = marked_switches(net);
    const auto found = std::ranges::find(marked, name, &Switch::name);
    if (found == marked.end())
        throw Error({.doing = "remove the switch",
                     .problem = fmt::format("no switch is named '{}'", name),
                     .hint = "'cosmos switch list' shows those there are"});
    unsigned guests = 0;
    for (const Owned<rtnl_link>& port : net.links_on(found->interface_index))
        guests += vif_of_interface(rtnl_link_get_name(port.get())) ? 1 : 0;
    if (guests != 0)
        throw Error({.doing = fmt::format("remove the switch {}", name),
                     .problem = fmt::format("{} vifs of guests are plugged into it", guests),
                     .hint = fmt::format("'cosmos list --vifs' shows them; detach them or destroy "
                                         "their guests first",
                                         name)});
    const Owned<rtnl_link> bridge = net.link_at(found->interface_index);
    unmark_switch(net, *found);
    if (bridge && is_made_here(bridge.get()))
        delete_bridge(net, found->interface_index);
}

std::vector<SwitchDetails> LinuxNetwork::switch_details() {
    Netlink& net = netlink();
    std::vector<SwitchDetails> all;
    for (const Switch& marked : marked_switches(net)) {
        const Owned<rtnl_link> bridge = net.link_at(marked.interface_index);
        SwitchDetails details{.itself = marked,
                              .up = bridge && (rtnl_link_get_flags(bridge.get()) & IFF_UP) != 0,
                              .address = first_address(net, marked.interface_index),
                              .ports = 0,
                              .uplinks = {}};
        for (const Owned<rtnl_link>& port : net.links_on(marked.interface_index)) {
            ++details.ports;
            const std::string name = rtnl_link_get_name(port.get());
            if (!vif_of_interface(name))
                details.uplinks.push_back(name);
        }
        all.push_back(std::move(details));
    }
    return all;
}

}  // namespace xcl::net
