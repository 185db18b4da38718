// SPDX-License-Identifier: BSD-3-Clause
// Reads and writes the marks of switches.
#include "net/switch_marks.hpp"

#include <cerrno>
#include <cstring>
#include <new>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/route/link.h>

#include "xcl/error.hpp"

namespace xcl::net {
namespace {

std::string mark_name(unsigned number) {
    return fmt::format("cosmos-switch-{}", number);
}

// Adds an alternative name to an interface (RTM_NEWLINKPROP) or takes it off (RTM_DELLINKPROP).
// Returns 0 or errno.
int change_name(Netlink& netlink, int type, unsigned index, const std::string& name) {
    ifinfomsg header{};
    header.ifi_index = static_cast<int>(index);
    const int flags = type == RTM_NEWLINKPROP ? NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND : 0;
    const Owned<nl_msg> request = new_message(type, flags);
    if (nlmsg_append(request.get(), &header, sizeof header, NLMSG_ALIGNTO) < 0)
        throw std::bad_alloc();
    nlattr* const list = nla_nest_start(request.get(), IFLA_PROP_LIST | NLA_F_NESTED);
    if (list == nullptr || nla_put_string(request.get(), IFLA_ALT_IFNAME, name.c_str()) < 0)
        throw std::bad_alloc();
    nla_nest_end(request.get(), list);
    return netlink.result_of([&](nl_sock* socket) {
        if (const int sent = nl_send_auto(socket, request.get()); sent < 0)
            return sent;
        return nl_wait_for_ack(socket);
    });
}

void require_changed(int error, std::string_view doing) {
    if (error != 0)
        throw Error({.doing = std::string(doing),
                     .call = "an alternative interface name (RTM_NEWLINKPROP)",
                     .error = error,
                     .hint = error == EPERM ? "this takes root's rights: try it with sudo" : ""});
}

}  // namespace

std::vector<Switch> marked_switches(Netlink& netlink) {
    std::vector<Switch> switches;
    for (unsigned number = 0;; ++number) {
        const Owned<rtnl_link> link = netlink.link_known_as(mark_name(number).c_str());
        if (!link)
            return switches;
        switches.push_back(
            {.name = rtnl_link_get_name(link.get()),
             .number = number,
             .interface_index = static_cast<unsigned>(rtnl_link_get_ifindex(link.get()))});
    }
}

unsigned mark_switch(Netlink& netlink, unsigned bridge_index) {
    auto number = static_cast<unsigned>(marked_switches(netlink).size());
    int error = 0;
    // Somebody else may take the number meanwhile.
    while ((error = change_name(netlink, RTM_NEWLINKPROP, bridge_index, mark_name(number))) ==
           EEXIST)
        ++number;
    require_changed(error, "mark the bridge as a switch");
    return number;
}

void unmark_switch(Netlink& netlink, const Switch& marked) {
    const std::vector<Switch> all = marked_switches(netlink);
    constexpr std::string_view doing = "take the mark off the switch";
    require_changed(
        change_name(netlink, RTM_DELLINKPROP, marked.interface_index, mark_name(marked.number)),
        doing);
    const Switch& last = all.back();
    if (last.number == marked.number)
        return;
    require_changed(
        change_name(netlink, RTM_NEWLINKPROP, last.interface_index, mark_name(marked.number)),
        doing);
    require_changed(
        change_name(netlink, RTM_DELLINKPROP, last.interface_index, mark_name(last.number)), doing);
}

std::optional<Ipv4Interface> first_address(Netlink& netlink, unsigned index) {
    ifaddrmsg header{};
    header.ifa_family = AF_INET;
    header.ifa_index = index;
    const Owned<nl_msg> request = new_message(RTM_GETADDR, NLM_F_DUMP);
    if (nlmsg_append(request.get(), &header, sizeof header, NLMSG_ALIGNTO) < 0)
        throw std::bad_alloc();
    std::optional<Ipv4Interface> found;
    const int error = netlink.exchange(request.get(), [&](nl_msg* message) {
        const auto* const entry = static_cast<const ifaddrmsg*>(nlmsg_data(nlmsg_hdr(message)));
        const nlattr* const local =
            nlmsg_find_attr(nlmsg_hdr(message), sizeof(ifaddrmsg), IFA_LOCAL);
        if (found || entry->ifa_index != index || local == nullptr)
            return;
        found = {.address = ntohl(nla_get_u32(local)), .prefix = entry->ifa_prefixlen};
    });
    if (error != 0 && error != ENODEV)
        throw Error({.doing = "look at the addresses of the host's switches",
                     .call = "RTM_GETADDR",
                     .error = error});
    return found;
}

}  // namespace xcl::net
