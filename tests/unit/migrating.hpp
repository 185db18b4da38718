// SPDX-License-Identifier: BSD-3-Clause
// Two hosts and a guest that migrates between them, whatever becomes of it.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "fakes.hpp"
#include "link_pair.hpp"
#include "suspending.hpp"
#include "wire/contents.hpp"

namespace xcl::test {

// How one side of a migration ended.
struct SideEnd {
    std::string error = {};  // of the Error; empty: it went well
    std::string hint = {};
    bool killed = false;

    [[nodiscard]] bool well() const { return error.empty() && !killed; }
};

struct MigrationEnd {
    SideEnd source;
    SideEnd destination;
    std::optional<MigratedGuest> migrated;
    std::optional<ReceivedGuest> received;
    bool runs_at_source = false;  // when both have ended, before anything was settled
    bool runs_at_destination = false;
    bool in_doubt = false;
};

struct Hosts {
    // Both with a switch "xenbr0", and the guest at the source, which answers by its channel.
    explicit Hosts(const GuestConfig& config);

    // Both sides, each in a thread, until both have ended.
    MigrationEnd migrate(LinkPair& links, const MigrateOptions& options = {},
                         const ReceiveOptions& receive_options = {});

    // As an operator would when a migration failed: reaps, settles, wakes, unpauses.
    void settle();

    // Copies that run, on both hosts together.
    [[nodiscard]] std::size_t running() const;
    // Whether nothing of the guest is on that host, and nothing else has changed.
    [[nodiscard]] bool is_as_before(const FakeHost& host) const;
    // What the guest's memory holds, wherever it runs; pages that are zero left out.
    [[nodiscard]] std::map<std::uint64_t, std::vector<std::byte>> contents() const;
    // On the host where it runs.
    [[nodiscard]] DomainId guest_at(const FakeHost& host) const;

    FakeHost source;
    FakeHost destination;
    DomainId id{0};  // at the source
    wire::KernelPages kernels;
    // The guest's contents as it was suspended last.
    std::map<std::uint64_t, std::vector<std::byte>> suspended;
    std::function<void()> before_calm = [] {};  // both have ended, faults are in force still
    Holdings destination_before;
    Holdings source_before;  // without the guest

  private:
    std::optional<Descriptor> take_at_destination(const std::string& name);

    std::mutex mutex_;
    std::set<std::string> held_;
};

// What it holds, without the pages that are zero.
[[nodiscard]] std::map<std::uint64_t, std::vector<std::byte>> contents_of(const FakeMemory& memory);

}  // namespace xcl::test
