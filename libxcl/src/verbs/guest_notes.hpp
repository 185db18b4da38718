// SPDX-License-Identifier: BSD-3-Clause
// What XenStore, the label and the switches say of a guest, as an image keeps it.
#pragma once

#include <optional>
#include <vector>

#include "image/guest_image.hpp"
#include "verbs/verbs.hpp"

namespace xcl::verbs {

struct GuestNotes {
    image::GuestDescription guest;          // but its memory and its own nodes
    std::optional<EventPort> suspend_port;  // it takes requests to suspend there
    bool terminal_met = false;              // xenconsoled offers its terminal, or never will
};

// Throws Error for a guest with devices that no image holds. Not for one that is suspended, or
// about to be: its vifs are looked up where they are plugged in.
[[nodiscard]] GuestNotes read_notes(const Host& host, const DomainInfo& domain);

// The nodes below data and attr in its directory, as it left them.
[[nodiscard]] std::vector<image::StoreEntry> read_own_nodes(Store& store, DomainId id);

}  // namespace xcl::verbs
