// SPDX-License-Identifier: BSD-3-Clause
// Netlink: a route socket on libnl, with its objects owned and the kernel's own errno kept.
#pragma once

#include <functional>
#include <memory>
#include <vector>

struct nl_addr;
struct nl_msg;
struct nl_sock;
struct nlmsgerr;
struct rtnl_addr;
struct rtnl_link;
struct sockaddr_nl;

namespace xcl::net {

struct FreeNetlink {
    void operator()(nl_sock* socket) const;
    void operator()(nl_msg* message) const;
    void operator()(nl_addr* address) const;
    void operator()(rtnl_addr* address) const;
    void operator()(rtnl_link* link) const;
};
template <typename T>
using Owned = std::unique_ptr<T, FreeNetlink>;

// A new object, or std::bad_alloc.
[[nodiscard]] Owned<rtnl_link> new_link();
[[nodiscard]] Owned<nl_msg> new_message(int type, int flags);

class Netlink {
  public:
    // Throws Error when the socket cannot be had.
    Netlink();
    Netlink(const Netlink&) = delete;
    Netlink& operator=(const Netlink&) = delete;
    ~Netlink() = default;

    [[nodiscard]] nl_sock* get() const { return socket_.get(); }

    // Calls `ask`, which talks to the kernel and returns libnl's verdict. The result is 0, or the
    // errno that the kernel gave (libnl's own errors become EIO).
    [[nodiscard]] int result_of(const std::function<int(nl_sock*)>& ask);

    // Sends a request and hands each message that comes back to `take`. The result is as above.
    [[nodiscard]] int exchange(nl_msg* request, const std::function<void(nl_msg*)>& take);

    // The links that a dump of them brings: all on that bridge.
    [[nodiscard]] std::vector<Owned<rtnl_link>> links_on(unsigned bridge_index);

    // The one link of this name, of this index, of this alternative name; null if there is none.
    [[nodiscard]] Owned<rtnl_link> link_named(const char* name);
    [[nodiscard]] Owned<rtnl_link> link_at(unsigned index);
    [[nodiscard]] Owned<rtnl_link> link_known_as(const char* alternative_name);

  private:
    [[nodiscard]] Owned<rtnl_link> one_link(unsigned index, int attribute, const char* name);

    Owned<nl_sock> socket_;
    int kernel_error_ = 0;
};

}  // namespace xcl::net
