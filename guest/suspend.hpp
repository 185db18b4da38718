// SPDX-License-Identifier: BSD-3-Clause
// Suspend: hands the domain to a toolstack, which goes on with it, or with a copy of it in another
// domain, on this host or the next.
#pragma once

#include "events.hpp"
#include "frame_list.hpp"
#include "grants.hpp"
#include "xenstore.hpp"

namespace guest {

class Suspend {
  public:
    enum class End {
        resumed,    // in another domain: nothing is connected any more, shared_info is a new one
        cancelled,  // in the same, and nothing has changed
    };

    // Publishes the frame list, so that a toolstack can read the memory of the running guest too.
    // `boot` is written while the guest is suspended, and by who resumes it. `unmaps`: what is not
    // its own memory is mapped no more while it is suspended, as it has to be.
    Suspend(start_info& boot, shared_info& shared, Memory& memory, Events& events, Grants& grants,
            bool unmaps);
    Suspend(const Suspend&) = delete;  // the event binding points here
    Suspend& operator=(const Suspend&) = delete;

    // Opens an event channel on which a toolstack can ask for a suspend, and names it in XenStore.
    // Where the guest may not write that, there is control/shutdown still.
    void offer_channel(XenStore& store);

    // Asks for a suspend, which is the main loop's to do: handlers run on. False if there cannot
    // be one.
    bool request();
    [[nodiscard]] bool requested() const { return requested_; }

    // Comes back when the guest runs again.
    End suspend();

    // How often it came back so.
    [[nodiscard]] std::uint64_t times(End end) const { return times_[static_cast<unsigned>(end)]; }

  private:
    bool unmaps_;
    start_info* boot_;
    shared_info* shared_;
    Events* events_;
    Memory* memory_;
    Grants* grants_;
    FrameList frame_list_;
    bool requested_ = false;
    std::uint64_t times_[2] = {};
};

}  // namespace guest
