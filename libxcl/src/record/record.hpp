// SPDX-License-Identifier: BSD-3-Clause
// The record: the XenStore entries that make a domain a guest, as data. Who reads which entry
// stands beside it in record.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "image/guest_image.hpp"
#include "ports/hypervisor.hpp"
#include "ports/store.hpp"
#include "xcl/network.hpp"

namespace xcl {

// What is recorded of one vif. Texts as the store holds them; the empty ones are left out, but for
// `script`, which netback wants to find.
struct RecordedVif {
    std::uint16_t number = 0;
    std::string mac;
    std::string ip;
    std::string rate;    // netback's own notation: "BYTES,MICROSECONDS"
    std::string script;  // the path of the script that will attach it; empty: libxcl does
    std::string bridge;  // for scripts only
};

struct RecordInput {
    DomainId id;
    std::string name;
    EventPort store_port = 0;
    std::optional<EventPort> console_port;  // none: no console entries
    std::optional<RingFrames> frames;       // nothing: rings_record follows once they are known
    std::vector<RecordedVif> vifs;
    std::vector<image::StoreEntry> store =
        {};  // what else was in the directory of one that resumes
};

// "/local/domain/5", the guest's directory.
[[nodiscard]] std::string domain_path(DomainId id);

// "/local/domain/5/device/vif/0", the guest's side of a vif.
[[nodiscard]] std::string frontend_path(const VifId& vif);
// "/local/domain/0/backend/vif/5/0", the control domain's side.
[[nodiscard]] std::string backend_path(const VifId& vif);
// "/local/domain/0/backend/vif/5", the control domain's side of all its vifs.
[[nodiscard]] std::string backends_path(DomainId id);
// Where the control domain's kernel notes why it could not serve one: ".../error".
[[nodiscard]] std::string backend_error_path(const VifId& vif);

// All requests that record the guest, in the order in which they have to be served. Sent in one go,
// without a transaction: nobody watches the directory yet.
[[nodiscard]] std::vector<StoreRequest> guest_record(const RecordInput& input);

// A guest's own nodes, below its directory.
[[nodiscard]] std::vector<StoreRequest> own_nodes_record(
    DomainId id, std::span<const image::StoreEntry> entries);

// What the record of a guest lacks whose frames were not known.
[[nodiscard]] std::vector<StoreRequest> rings_record(const RecordInput& input,
                                                     const RingFrames& frames);

// What connects the guest that was recorded to the store's daemon, and has xenconsoled look at it.
[[nodiscard]] StoreRequest guest_introduction(const RecordInput& input, const RingFrames& frames);

// The requests that record a further vif of a guest that is recorded already.
[[nodiscard]] std::vector<StoreRequest> vif_record(DomainId id, const RecordedVif& vif);

// The requests that remove the record of a guest of ours.
[[nodiscard]] std::vector<StoreRequest> guest_removal(DomainId id, bool has_vifs);
// The same for one of its vifs.
[[nodiscard]] std::vector<StoreRequest> vif_removal(const VifId& vif);
// Removes what the control domain's kernel noted of failures with this guest's vifs.
[[nodiscard]] StoreRequest backend_errors_removal(DomainId id);

// The same for a guest that libxl made: also its own notes and the backends it was given, of the
// kinds that are listed below /local/domain/0/backend.
[[nodiscard]] std::vector<StoreRequest> foreign_removal(DomainId id, const Uuid& uuid,
                                                        std::span<const std::string> backend_kinds);

}  // namespace xcl
