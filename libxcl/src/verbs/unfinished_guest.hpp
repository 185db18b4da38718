// SPDX-License-Identifier: BSD-3-Clause
// UnfinishedGuest: a domain under construction, which nothing is left of unless it is finished.
#pragma once

#include <optional>
#include <vector>

#include "ports/hypervisor.hpp"
#include "ports/store.hpp"
#include "record/record.hpp"

namespace xcl::verbs {

// Destroys the domain, record and all, unless it was finished. Should this process die first, the
// label tells `reap`.
class UnfinishedGuest {
  public:
    UnfinishedGuest(Hypervisor& hypervisor, Store& store, const NewDomain& domain);
    UnfinishedGuest(const UnfinishedGuest&) = delete;
    UnfinishedGuest& operator=(const UnfinishedGuest&) = delete;
    ~UnfinishedGuest();

    [[nodiscard]] DomainId id() const { return id_; }

    // A guest without vifs is introduced in the same go if its frames are known. Else that is left
    // for the moment it starts: xenconsoled then looks at all its guests, and the interfaces would
    // wait for that.
    void record(const RecordInput& input);

    // Sends what else is to be recorded, and introduces the guest unless it is already.
    void complete_record(std::vector<StoreRequest> requests);

    void finish(const GuestConfig& config);
    // The same for one that had this token before it came here.
    void finish(const GuestConfig& config, const Uuid& token);

  private:
    [[nodiscard]] std::vector<StoreRequest> removal() const;
    void send(const std::vector<StoreRequest>& requests);

    Hypervisor& hypervisor_;
    Store& store_;
    DomainId id_;
    std::optional<StoreRequest> introduction_;  // still to be sent
    bool recorded_ = false;
    bool introduced_ = false;
    bool has_vifs_ = false;
    bool finished_ = false;
};

}  // namespace xcl::verbs
