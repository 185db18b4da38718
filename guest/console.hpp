// SPDX-License-Identifier: BSD-3-Clause
// Console: the guest's end of xenconsoled's ring. Never waits for room: a host may have no
// xenconsoled, and a guest may have no console.
#pragma once

#include <span>
#include <string_view>

#include "events.hpp"
#include "ring.hpp"
#include "time.hpp"

namespace guest {

class Console {
  public:
    Console(Events& events, const Clock& clock) : events_(&events), clock_(&clock) {}

    // Uses this ring from now on; to be done in each domain that the guest comes to. What was
    // written and not read yet comes along in the ring. Without a console, `shared` is null: what
    // is written then goes nowhere.
    void connect(xencons_interface* shared, Port port);

    // Calls handler(subject) when there is something to read, or room again.
    void listen(Events::Handler handler, void* subject);

    // Puts text into the ring, each \n as \r\n; what finds no room is lost. send() tells
    // xenconsoled.
    void put(std::string_view text);
    void send();

    void write(std::string_view text) {
        put(text);
        send();
    }

    [[nodiscard]] std::size_t room() const;
    [[nodiscard]] std::size_t read(std::span<char> into);

    // Gives xenconsoled a while to take what was written: to be done before the domain ends.
    void drain();

  private:
    [[nodiscard]] RingWriter output() const {
        return {shared_->out, shared_->out_prod, shared_->out_cons};
    }
    [[nodiscard]] RingReader input() const {
        return {shared_->in, shared_->in_prod, shared_->in_cons};
    }

    Events* events_;
    const Clock* clock_;
    xencons_interface* shared_ = nullptr;
    Port port_ = 0;
    Events::Handler handler_ = nullptr;
    void* subject_ = nullptr;
};

}  // namespace guest
