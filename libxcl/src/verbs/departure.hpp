// SPDX-License-Identifier: BSD-3-Clause
// Departure: a guest on its way out, up to the moment when all of it is at the destination.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "image/guest_image.hpp"
#include "verbs/verbs.hpp"
#include "wire/stream.hpp"
#include "xcl/toolstack.hpp"

namespace xcl::verbs {

class Departure {
  public:
    Departure() = default;
    Departure(const Departure&) = delete;
    Departure& operator=(const Departure&) = delete;
    virtual ~Departure() = default;

    // Offers it, and sends what can be sent while it runs. When this returns, all is prepared
    // there.
    virtual void send_running(image::GuestDescription notes, const MigrateOptions& options) = 0;
    // All that is still to be sent, now that it stands still. When this returns, it waits there.
    virtual void send_rest() = 0;
    // What was sent so far.
    [[nodiscard]] virtual std::vector<MigrationRound> rounds() const = 0;
};

// `declined`: why the guest has to leave as libxenguest saves it, which takes its time while it
// stands still; empty if it does not. What is handed over outlives the departure.
[[nodiscard]] std::unique_ptr<Departure> depart(const Host& host, const DomainInfo& guest,
                                                wire::Stream& stream, std::string& declined);

}  // namespace xcl::verbs
