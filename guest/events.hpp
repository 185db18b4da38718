// SPDX-License-Identifier: BSD-3-Clause
// Events: which driver owns which event channel, who is to be called, and sleeping until then.
#pragma once

#include "xen.hpp"

namespace guest {

using Port = evtchn_port_t;

class Events {
  public:
    using Handler = void (*)(void* subject);

    explicit Events(shared_info& shared);

    // Forgets all ports: in a new domain they mean nothing, or something else.
    void start_afresh();

    // From now on an event on `port` calls handler(subject), from dispatch() and nowhere else. A
    // port counts as fired when it is bound, so nothing sent before is lost.
    void bind(Port port, Handler handler, void* subject);

    // Opens a port to which domain `peer` may bind, and binds it here; 0 if Xen gives none. It has
    // not fired: nobody knows it yet.
    [[nodiscard]] Port open(domid_t peer, Handler handler, void* subject);

    // Closes a port that open() gave, and forgets it.
    void close(Port port);

    // Counts `port` as fired, so that its handler is called again after the others.
    void raise(Port port) { note(port); }

    // Calls the handlers of the ports that have fired; false if there were none.
    bool dispatch();

    // Sleeps until a bound port fires, without a timer; at once if one has since collect().
    void sleep();

    // Takes note of the ports that have fired, for the next dispatch(). Who waits for one thing
    // only calls collect(), looks, and sleeps.
    void collect();

    // Sleeps until `port` fires or system time reaches `deadline_ns`; other ports keep.
    void wait_for(Port port, std::uint64_t deadline_ns);

    // Forgets that `port` has fired, so that wait_for() waits for the next time.
    void clear(Port port);

    static void notify(Port port);

  private:
    struct Binding {
        Port port;
        Handler handler;
        void* subject;
        bool fired;
    };

    void add(const Binding& binding);
    void note(Port port);

    shared_info* shared_;
    vcpu_info* vcpu_;
    // Console, XenStore, suspend, the timer, two for each of 4 vifs; no handler: free.
    Binding bindings_[12] = {};
};

}  // namespace guest
