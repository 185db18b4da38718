// SPDX-License-Identifier: BSD-3-Clause
// Hears the kernel's link messages and keeps those about vifs.
#include "net/vif_events.hpp"

#include <cerrno>
#include <string_view>
#include <utility>

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "xcl/error.hpp"

namespace xcl::net {
namespace {

// A message takes a few KiB of the kernel's memory, and a guest causes about six; so this holds
// what a hundred guests cause while we look elsewhere. What does not fit is told as `lost`.
constexpr int receive_bytes = 2 * 1024 * 1024;

}  // namespace

VifEvents::VifEvents() {
    nl_sock* const socket = netlink_.get();
    static_cast<void>(nl_socket_set_buffer_size(socket, receive_bytes, 0));
    nl_socket_disable_seq_check(socket);
    const int joined = nl_socket_add_membership(socket, RTNLGRP_LINK);
    const int unblocked = nl_socket_set_nonblocking(socket);
    if (joined != 0 || unblocked != 0)
        throw Error({.doing = "hear of the host's network interfaces",
                     .call = "NETLINK_ADD_MEMBERSHIP",
                     .problem = nl_geterror(joined != 0 ? joined : unblocked)});
    nl_socket_modify_cb(
        socket, NL_CB_VALID, NL_CB_CUSTOM,
        [](nl_msg* message, void* self) {
            static_cast<VifEvents*>(self)->note(message);
            return static_cast<int>(NL_OK);
        },
        this);
}

int VifEvents::descriptor() const {
    return nl_socket_get_fd(netlink_.get());
}

// A link message says how the interface is now, so the same may be told twice.
void VifEvents::note(nl_msg* message) {
    nlmsghdr* const header = nlmsg_hdr(message);
    if (header->nlmsg_type != RTM_NEWLINK)
        return;
    const nlattr* const name = nlmsg_find_attr(header, sizeof(ifinfomsg), IFLA_IFNAME);
    if (name == nullptr)
        return;
    const std::optional<VifId> vif = vif_of_interface(nla_get_string(name));
    if (!vif)
        return;
    // Not the carrier itself: until the kernel has taken note of that, it drops what is sent.
    const nlattr* const state = nlmsg_find_attr(header, sizeof(ifinfomsg), IFLA_OPERSTATE);
    const bool works = state != nullptr && nla_get_u8(state) == IF_OPER_UP;
    events_.push_back({.kind = works ? NetworkEvent::Kind::connected : NetworkEvent::Kind::appeared,
                       .vif = *vif});
}

bool VifEvents::read_more() {
    const int verdict = nl_recvmsgs_default(netlink_.get());
    if (verdict == -NLE_AGAIN)
        return false;
    if (verdict >= 0)
        return true;
    if (verdict == -NLE_NOMEM) {  // ENOBUFS: the kernel had no room for more
        events_.push_back({.kind = NetworkEvent::Kind::lost, .vif = {}});
        return true;
    }
    throw Error({.doing = "hear of the host's network interfaces",
                 .call = "recvmsg",
                 .problem = nl_geterror(verdict)});
}

std::optional<NetworkEvent> VifEvents::next() {
    while (events_.empty())
        if (!read_more())
            return std::nullopt;
    NetworkEvent event = std::move(events_.front());
    events_.pop_front();
    return event;
}

}  // namespace xcl::net
