// SPDX-License-Identifier: BSD-3-Clause
// Netfront: one vif's agreement with its backend, over XenStore, and its events. The frames go
// through VifRings.
#pragma once

#include "events.hpp"
#include "text.hpp"
#include "vif_rings.hpp"
#include "xenstore.hpp"

namespace guest {

class Netfront {
  public:
    // Told from the main loop.
    struct Owner {
        void* subject;
        Answer answer;
        void (*connected)(void* subject);
        void (*broken)(void* subject);  // the backend broke the protocol; to be connected anew
    };

    Netfront(Events& events, XenStore& store, Grants& grants, Owner owner)
        : events_(&events),
          store_(&store),
          owner_(owner),
          rings_(grants, owner.answer, owner.subject) {}
    Netfront(const Netfront&) = delete;  // watch and event bindings point here
    Netfront& operator=(const Netfront&) = delete;

    // Forgets its backend, which is another domain's, without a word to it.
    void forget();

    // Follows the backend, whose directory this is, from now on; `number` names the vif. Connects
    // when the backend is ready. False, with nothing begun, if there is too little memory. To be
    // done again in each domain that the guest comes to.
    [[nodiscard]] bool attach(Memory& memory, unsigned number, std::string_view backend);

    // Closes what it has with the backend and comes back with fresh rings.
    void reconnect();

    // Sends a frame of the guest's own; what finds no room, or no backend, is lost.
    void send(std::span<const std::uint8_t> frame);

  private:
    enum class State {
        detached,  // no backend: none was given, or it went away
        ready,     // for the backend to be ready
        offered,   // rings and event channels named, the backend has to take them
        connected,
        closing,  // for the backend to let go, then to connect anew
        closed,   // for the backend to have closed too
    };

    void follow();
    void follow_end(XenbusState backend);
    void offer();
    bool open_ports(bool split);
    void disconnect();
    void serve();
    void announce(State state, XenbusState told);
    [[nodiscard]] XenbusState backend_state();
    [[nodiscard]] XenStore::Reply read_backend(std::string_view key);

    Events* events_;
    XenStore* store_;
    Owner owner_;
    VifRings rings_;
    State state_ = State::detached;
    bool comes_back_ = false;
    domid_t backend_domain_ = 0;
    Port tx_port_ = 0;
    Port rx_port_ = 0;  // the same where the backend has but one
    Text directory_;    // device/vif/N
    Text backend_;
};

}  // namespace guest
