// SPDX-License-Identifier: BSD-3-Clause
// The record: the XenStore entries that make a domain a guest, as data. Who reads which entry
// stands beside it in record.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ports/hypervisor.hpp"
#include "ports/store.hpp"

namespace xcl {

struct RecordInput {
    DomainId id;
    std::string name;
    EventPort store_port = 0;
    std::optional<EventPort> console_port;  // none: no console entries
    RingFrames frames;
};

// "/local/domain/5", the guest's directory.
[[nodiscard]] std::string domain_path(DomainId id);

// All requests that record the guest, in the order in which they have to be served; the introduce
// is the last. Sent in one go, without a transaction: nobody watches the directory yet.
[[nodiscard]] std::vector<StoreRequest> guest_record(const RecordInput& input);

// The requests that remove the record of a guest of ours.
[[nodiscard]] std::vector<StoreRequest> guest_removal(DomainId id);

// The same for a guest that libxl made: also its own notes and the backends it was given, of the
// kinds that are listed below /local/domain/0/backend.
[[nodiscard]] std::vector<StoreRequest> foreign_removal(DomainId id, const Uuid& uuid,
                                                        std::span<const std::string> backend_kinds);

}  // namespace xcl
