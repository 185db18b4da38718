// SPDX-License-Identifier: BSD-3-Clause
// Batch: guests that are made alike, from a kernel or from an image. Those with vifs wait for their
// interfaces side by side.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "core/process.hpp"
#include "image/guest_image.hpp"
#include "placement/placement.hpp"
#include "verbs/guest_vifs.hpp"
#include "verbs/unfinished_guest.hpp"
#include "verbs/verbs.hpp"

namespace xcl::verbs {

// What the guests of a batch are made of.
struct Recipe {
    const GuestConfig& config;
    std::uint64_t memory_pages = 0;
    std::vector<VifPlan> vifs;
    std::vector<image::StoreEntry> store;  // of its directory, besides its record
    // Gives a new domain its memory and its vCPUs.
    std::function<RingFrames(DomainId id, EventPort store, std::optional<EventPort> console)> fill;
};

// Makes options.count guests. What CreateOptions says of create holds here.
[[nodiscard]] std::vector<CreatedGuest> make_guests(const Host& host, const Recipe& recipe,
                                                    const CreateOptions& options);

}  // namespace xcl::verbs
