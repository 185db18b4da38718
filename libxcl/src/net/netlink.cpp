// SPDX-License-Identifier: BSD-3-Clause
// Asks the kernel through libnl.
#include "net/netlink.hpp"

#include <cerrno>
#include <new>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>

#include "xcl/error.hpp"

#ifndef NETLINK_GET_STRICT_CHK  // linux/netlink.h; libnl brings an older copy of its own
#define NETLINK_GET_STRICT_CHK 12
#endif

namespace xcl::net {
namespace {

// Room for the largest link message that the kernel sends (it pads a reply to 32 KiB at most).
constexpr std::size_t receive_bytes = std::size_t{32} * 1024;

Owned<rtnl_link> parsed_link(nl_msg* message) {
    Owned<rtnl_link> found;
    const auto keep = [](nl_object* object, void* to) {
        nl_object_get(object);
        static_cast<Owned<rtnl_link>*>(to)->reset(reinterpret_cast<rtnl_link*>(object));
    };
    static_cast<void>(nl_msg_parse(message, keep, &found));
    return found;
}

[[noreturn]] void throw_not_looked(int error) {
    throw Error(
        {.doing = "look at the host's network interfaces", .call = "RTM_GETLINK", .error = error});
}

}  // namespace

void FreeNetlink::operator()(nl_sock* socket) const {
    nl_socket_free(socket);
}
void FreeNetlink::operator()(nl_msg* message) const {
    nlmsg_free(message);
}
void FreeNetlink::operator()(nl_addr* address) const {
    nl_addr_put(address);
}
void FreeNetlink::operator()(rtnl_addr* address) const {
    rtnl_addr_put(address);
}
void FreeNetlink::operator()(rtnl_link* link) const {
    rtnl_link_put(link);
}

Owned<rtnl_link> new_link() {
    Owned<rtnl_link> link(rtnl_link_alloc());
    if (!link)
        throw std::bad_alloc();
    return link;
}

Owned<nl_msg> new_message(int type, int flags) {
    Owned<nl_msg> message(nlmsg_alloc_simple(type, flags));
    if (!message)
        throw std::bad_alloc();
    return message;
}

Netlink::Netlink() : socket_(nl_socket_alloc()) {
    if (!socket_)
        throw std::bad_alloc();
    if (const int verdict = nl_connect(socket_.get(), NETLINK_ROUTE); verdict != 0)
        throw Error({.doing = "talk to the kernel's network",
                     .call = "socket(AF_NETLINK)",
                     .problem = nl_geterror(verdict)});
    // One system call a message: libnl would look at each one's length first.
    nl_socket_disable_msg_peek(socket_.get());
    static_cast<void>(nl_socket_set_msg_buf_size(socket_.get(), receive_bytes));
    // It counts answers by their acknowledgements, which look-ups do without.
    nl_socket_disable_seq_check(socket_.get());
    // Dumps then honour the filters of their request. Old kernels do not know it, and send more.
    const int on = 1;
    static_cast<void>(setsockopt(nl_socket_get_fd(socket_.get()), SOL_NETLINK,
                                 NETLINK_GET_STRICT_CHK, &on, sizeof on));
    nl_socket_modify_err_cb(
        socket_.get(), NL_CB_CUSTOM,
        [](sockaddr_nl*, nlmsgerr* answer, void* error) {
            *static_cast<int*>(error) = -answer->error;
            return static_cast<int>(NL_STOP);
        },
        &kernel_error_);
}

int Netlink::result_of(const std::function<int(nl_sock*)>& ask) {
    kernel_error_ = 0;
    const int verdict = ask(socket_.get());
    if (kernel_error_ != 0)
        return kernel_error_;
    return verdict < 0 ? EIO : 0;
}

int Netlink::exchange(nl_msg* request, const std::function<void(nl_msg*)>& take) {
    return result_of([&](nl_sock* socket) {
        // What comes back is the answer; an acknowledgement behind it would stay in the socket.
        nl_socket_disable_auto_ack(socket);
        const int sent = nl_send_auto(socket, request);
        nl_socket_enable_auto_ack(socket);
        if (sent < 0)
            return sent;
        nl_socket_modify_cb(
            socket, NL_CB_VALID, NL_CB_CUSTOM,
            [](nl_msg* message, void* to) {
                (*static_cast<const std::function<void(nl_msg*)>*>(to))(message);
                return static_cast<int>(NL_OK);
            },
            const_cast<std::function<void(nl_msg*)>*>(&take));
        const int received = nl_recvmsgs_default(socket);
        nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_DEFAULT, nullptr, nullptr);
        return received;
    });
}

Owned<rtnl_link> Netlink::one_link(unsigned index, int attribute, const char* name) {
    ifinfomsg header{};
    header.ifi_index = static_cast<int>(index);
    const Owned<nl_msg> request = new_message(RTM_GETLINK, 0);
    if (nlmsg_append(request.get(), &header, sizeof header, NLMSG_ALIGNTO) < 0 ||
        (name != nullptr && nla_put_string(request.get(), attribute, name) < 0))
        throw std::bad_alloc();
    Owned<rtnl_link> found;
    const int error =
        exchange(request.get(), [&](nl_msg* message) { found = parsed_link(message); });
    if (error != 0 && error != ENODEV)
        throw_not_looked(error);
    return found;
}

std::vector<Owned<rtnl_link>> Netlink::links_on(unsigned bridge_index) {
    const ifinfomsg header{};
    const Owned<nl_msg> request = new_message(RTM_GETLINK, NLM_F_DUMP);
    if (nlmsg_append(request.get(), const_cast<ifinfomsg*>(&header), sizeof header, NLMSG_ALIGNTO) <
            0 ||
        nla_put_u32(request.get(), IFLA_MASTER, bridge_index) < 0)
        throw std::bad_alloc();
    std::vector<Owned<rtnl_link>> links;
    const int error = exchange(request.get(), [&](nl_msg* message) {
        Owned<rtnl_link> link = parsed_link(message);
        if (link && rtnl_link_get_master(link.get()) == static_cast<int>(bridge_index))
            links.push_back(std::move(link));
    });
    if (error != 0)
        throw_not_looked(error);
    return links;
}

Owned<rtnl_link> Netlink::link_named(const char* name) {
    return one_link(0, IFLA_IFNAME, name);
}

Owned<rtnl_link> Netlink::link_at(unsigned index) {
    return one_link(index, 0, nullptr);
}

Owned<rtnl_link> Netlink::link_known_as(const char* alternative_name) {
    return one_link(0, IFLA_ALT_IFNAME, alternative_name);
}

}  // namespace xcl::net
