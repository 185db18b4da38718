// SPDX-License-Identifier: BSD-3-Clause
// What XenStore says of the vifs that guests have.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <vector>

#include "ports/network.hpp"
#include "ports/store.hpp"
#include "xcl/network.hpp"

namespace xcl::verbs {

// The vifs of these guests, in their order and ascending; one exchange. Asks for the backends: a
// guest may remove its own side of a vif. Throws Error where XenStore refuses to list them.
[[nodiscard]] std::vector<VifId> recorded_vifs(Store& store, std::span<const DomainId> ids);

// The same for one guest, from the directory of backends_path that was asked for with others.
[[nodiscard]] std::vector<VifId> vifs_in(DomainId id, const StoreRequest& request,
                                         const StoreReply& reply);

// A vif that a hotplug script attached.
struct RecordedScript {
    VifId vif;
    std::string path;
    std::string bridge;
};

[[nodiscard]] std::vector<RecordedScript> recorded_scripts(Store& store,
                                                           std::span<const VifId> vifs);

// Tells the scripts that attached these vifs of their end; their record is still there. What a
// script says then, and whether it can still be run, is no reason to keep a vif.
void run_offline_scripts(Network& network, Store& store, std::span<const VifId> vifs);

// Waits until the kernel has taken the vif's interface back, once its record is removed; false when
// that has not happened at the deadline. A look now and then costs less than a socket that hears of
// every interface.
[[nodiscard]] bool is_gone_by(Network& network, const VifId& vif,
                              std::chrono::steady_clock::time_point deadline);

}  // namespace xcl::verbs
