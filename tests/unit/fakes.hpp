// SPDX-License-Identifier: BSD-3-Clause
// FakeHost: a host without Xen, and what tests of verbs ask of it.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "fake_hypervisor.hpp"
#include "fake_network.hpp"
#include "fake_store.hpp"
#include "faults.hpp"
#include "verbs/verbs.hpp"

namespace xcl::test {

struct FakeHost {
    Faults faults;
    FakeHypervisor hypervisor{faults};
    FakeStore store{faults, hypervisor};
    FakeNetwork network{faults, hypervisor, store};

    [[nodiscard]] verbs::Host ports() { return {hypervisor, store, network}; }

    // A whole guest of ours; its calls and exchanges are not kept.
    DomainId add_guest(const GuestConfig& config);
    // A guest as libxl makes it, running, with a name and a vif's backend.
    DomainId add_foreign(const std::string& name);
};

// All that a host holds, to see whether something changed.
struct Holdings {
    std::map<std::uint16_t, FakeDomain> domains;
    std::map<std::string, FakeStore::Node> nodes;
    std::map<VifId, FakeVif> vifs = {};
    std::set<VifId> running_scripts = {};
    std::set<VifId> scripted = {};  // their scripts wait to be told of the end

    friend bool operator==(const Holdings&, const Holdings&) = default;
};
[[nodiscard]] Holdings holdings(const FakeHost& host);
// For messages of failed expectations: the ids and paths.
void PrintTo(const Holdings& holdings, std::ostream* out);

// A config of a small guest with a console.
[[nodiscard]] GuestConfig small_guest();
// The same with one vif, on a switch of the host's choice.
[[nodiscard]] GuestConfig guest_with_vif();
// The same, which a script is to attach.
[[nodiscard]] GuestConfig guest_with_script();
// A blueprint whose kernel is made up.
[[nodiscard]] verbs::Blueprint blueprint_of(const GuestConfig& config);

// Ids below /local/domain, ascending, the control domain's left out.
[[nodiscard]] std::vector<DomainId> recorded(const FakeHost& host);
// Ids of all domains but the control domain.
[[nodiscard]] std::vector<DomainId> existing(const FakeHost& host);
// Whether a guest of ours is all that a guest has to be: built, recorded, introduced, labelled.
[[nodiscard]] bool is_whole(const FakeHost& host, DomainId id);

[[nodiscard]] std::size_t open_descriptors();

}  // namespace xcl::test

namespace xcl {

// How messages of failed expectations show values.
void PrintTo(DomainId id, std::ostream* out);
void PrintTo(const StoreRequest& request, std::ostream* out);
void PrintTo(const Reaped& reaped, std::ostream* out);
[[nodiscard]] bool operator==(const Reaped& a, const Reaped& b);

}  // namespace xcl
