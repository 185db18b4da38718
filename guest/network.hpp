// SPDX-License-Identifier: BSD-3-Clause
// Network: the guest's vifs, each a station that answers ARP and ping under its own address.
#pragma once

#include "console.hpp"
#include "ethernet.hpp"
#include "netfront.hpp"

namespace guest {

class Vif {
  public:
    Vif(Events& events, XenStore& store, Grants& grants, Console& console);
    Vif(const Vif&) = delete;
    Vif& operator=(const Vif&) = delete;

    // Reads what the toolstack gave vif `number`, and connects it when its backend is ready.
    // `wished`: the address from the command line, which wins; empty if there is none.
    void start(Memory& memory, unsigned number, std::string_view wished);

  private:
    [[nodiscard]] Text said() const;
    void find_address(std::string_view wished, std::string_view backend);
    void connected();
    std::size_t answer(Bytes room, std::size_t bytes);

    XenStore* store_;
    Console* console_;
    Netfront netfront_;
    unsigned number_ = 0;
    Station station_;
    bool has_address_ = false;
};

class Network {
  public:
    static constexpr unsigned max_vifs = 4;

    Network(Memory& memory, Events& events, XenStore& store, Console& console);

    // Starts the vifs that the toolstack gave. `line`: the command line.
    void start(std::string_view line);

  private:
    Memory* memory_;
    XenStore* store_;
    Console* console_;
    Grants grants_;
    Vif vifs_[max_vifs];
};

}  // namespace guest
