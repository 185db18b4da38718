// SPDX-License-Identifier: BSD-3-Clause
// What several verbs ask: does this guest exist, was that request done, which records are there.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ports/hypervisor.hpp"
#include "ports/store.hpp"
#include "xcl/domain_info.hpp"
#include "xcl/error.hpp"

namespace xcl::verbs {

// Throws Error{no_such_guest} if there is no such domain, Error{failed} for the control domain,
// which no verb may touch. `doing` completes "cannot …" in that case.
DomainInfo require_guest(Hypervisor& hypervisor, DomainId id, const std::string& doing);

// The same for all of them, before any of them is touched.
std::vector<DomainInfo> require_guests(Hypervisor& hypervisor, std::span<const DomainId> ids,
                                       const std::string& doing);

[[nodiscard]] Error no_such_guest(DomainId id);

// Throws the first refusal among the replies as an Error. ENOENT of a removal is none: what is
// gone is removed. `id`: the domain that all of them concern, if there is one.
void require_done(std::span<const StoreRequest> requests, std::span<const StoreReply> replies,
                  std::optional<DomainId> id, const std::string& doing);

// The names of the nodes right below `path`, none if it does not exist. Throws Error when XenStore
// refuses to list them; `doing` completes "cannot …" in that case.
[[nodiscard]] std::vector<std::string> names_below(Store& store, const std::string& path,
                                                   const std::string& doing);

// The domain ids among those names. `/local/domain` holds the records, the control domain's among
// them.
[[nodiscard]] std::vector<DomainId> ids_below(Store& store, const std::string& path,
                                              const std::string& doing);

}  // namespace xcl::verbs
