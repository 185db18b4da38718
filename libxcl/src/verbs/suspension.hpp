// SPDX-License-Identifier: BSD-3-Clause
// Suspension: the time in which a guest stands still. It runs on where it is, unless it was said
// that its image takes its place.
#pragma once

#include <chrono>
#include <optional>

#include "ports/hypervisor.hpp"
#include "ports/store.hpp"

namespace xcl::verbs {

// Lets a suspended guest run on, and the store's daemon know of it.
void let_run_on(Hypervisor& hypervisor, Store& store, DomainId id);

// What is meant to become of a guest once it has been read.
enum class Afterwards { gone, runs_on };

class Suspension {
  public:
    // Asks the guest to suspend, by that port if it has one, and sleeps until it has; one that
    // stands suspended already is taken as it is. Throws
    // Error if it ends otherwise, and when `timeout` passes: it runs on then, also if its answer
    // comes late.
    Suspension(Hypervisor& hypervisor, Store& store, const DomainInfo& guest,
               std::optional<EventPort> port, Afterwards afterwards,
               std::chrono::milliseconds timeout);
    Suspension(const Suspension&) = delete;
    Suspension& operator=(const Suspension&) = delete;
    // Lets it run on, unless that was done or decided.
    ~Suspension();

    // The same with a throw if it fails.
    void end();
    // Somebody else has it now.
    void leave() { over_ = true; }

  private:
    Hypervisor& hypervisor_;
    Store& store_;
    DomainId id_;
    bool over_ = false;
};

}  // namespace xcl::verbs
