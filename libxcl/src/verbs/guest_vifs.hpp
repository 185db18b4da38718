// SPDX-License-Identifier: BSD-3-Clause
// GuestVifs: the vifs of one guest on their way from their record to their switches. It is moved on
// by events, so that many guests can be on their way at once.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <vector>

#include "ports/network.hpp"
#include "verbs/vif_plan.hpp"
#include "xcl/error.hpp"

namespace xcl::verbs {

class GuestVifs {
  public:
    // The guest's vifs become those of the plans, numbered from `first`; the plans outlive this
    // object.
    GuestVifs(Network& network, DomainId guest, std::span<const VifPlan> plans,
              std::uint16_t first = 0);
    GuestVifs(const GuestVifs&) = delete;
    GuestVifs& operator=(const GuestVifs&) = delete;
    ~GuestVifs() = default;

    [[nodiscard]] std::vector<RecordedVif> recorded() const;

    // Takes in an event, whosever it is. Throws Error when a vif cannot be brought to its switch.
    void take(const NetworkEvent& event);

    // Whether each vif is on its switch, and whether each frontend is connected.
    [[nodiscard]] bool plugged() const;
    [[nodiscard]] bool connected() const;

    // Sleep until that is so, `timeout` at the longest; then `overdue` is thrown. For a guest that
    // is alone: whose events come is all one to a batch.
    void await_plugged(Store& store, std::chrono::milliseconds timeout);
    void await_connected(Store& store, std::chrono::milliseconds timeout);

    // Once the interfaces have their carriers: sleeps until the backends say that they are
    // connected, which they do a moment later. Until then they drop what is sent.
    void await_backends(Store& store, std::chrono::steady_clock::time_point deadline,
                        std::chrono::milliseconds timeout) const;

    // Once they are plugged in: the requests that record the addresses of `ip=auto`.
    [[nodiscard]] std::vector<StoreRequest> chosen_addresses() const;

    // The Error for a guest whose time has passed, with what the control domain's kernel noted of
    // the vif that is waited for.
    [[nodiscard]] Error overdue(Store& store, std::chrono::milliseconds timeout) const;

    // Ends the scripts that run.
    void stop_scripts() noexcept;
    // Undoes what was done outside the guest: scripts are ended, and run again for "offline".
    void abandon() noexcept;

  private:
    enum class State { awaited, script_runs, plugged, connected };

    struct Vif {
        VifId id;
        const VifPlan* plan;
        State state = State::awaited;
        bool has_carrier = false;
        std::string address = {};  // by ip=auto
    };

    using Reached = bool (GuestVifs::*)() const;
    void await(Reached reached, Store& store, std::chrono::milliseconds timeout);
    void look_at_all();
    void bring(Vif& vif);
    void plug(Vif& vif);
    void settle(Vif& vif);

    Network& network_;
    std::vector<Vif> vifs_;
};

}  // namespace xcl::verbs
