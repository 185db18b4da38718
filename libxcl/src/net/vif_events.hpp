// SPDX-License-Identifier: BSD-3-Clause
// VifEvents: what the kernel says by itself about the interfaces of vifs.
#pragma once

#include <deque>
#include <optional>

#include "net/netlink.hpp"
#include "ports/network.hpp"

namespace xcl::net {

class VifEvents {
  public:
    // From its making on, nothing that happens is missed.
    VifEvents();

    [[nodiscard]] int descriptor() const;

    // The next event that has come; nothing if none has. Never waits.
    [[nodiscard]] std::optional<NetworkEvent> next();

  private:
    // Whether there was anything to read; not all of it concerns vifs.
    bool read_more();
    void note(nl_msg* message);

    Netlink netlink_;
    std::deque<NetworkEvent> events_;
};

}  // namespace xcl::net
