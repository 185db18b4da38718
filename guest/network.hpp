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
    // `wished`: the address from the command line, which wins; empty if there is none. Where
    // neither names one, a vif that had one before keeps it.
    void start(Memory& memory, unsigned number, std::string_view wished);

    void forget() { netfront_.forget(); }

    [[nodiscard]] std::uint64_t pings() const { return pings_; }

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
    std::uint64_t pings_ = 0;  // answered
};

class Network {
  public:
    static constexpr unsigned max_vifs = 4;

    Network(Memory& memory, Events& events, XenStore& store, Grants& grants, Console& console);

    // Starts the vifs that the toolstack gave; again in each domain that the guest comes to.
    // `line`: the command line.
    void start(std::string_view line);

    // How many pings were answered, on all vifs.
    [[nodiscard]] std::uint64_t pings() const;

  private:
    Memory* memory_;
    XenStore* store_;
    Grants* grants_;
    Console* console_;
    Vif vifs_[max_vifs];
};

}  // namespace guest
