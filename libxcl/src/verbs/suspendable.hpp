// SPDX-License-Identifier: BSD-3-Clause
// What suspend and migrate ask before they suspend a guest, and what both say of its memory.
#pragma once

#include "image/guest_image.hpp"
#include "image/writer.hpp"
#include "verbs/verbs.hpp"

namespace xcl::verbs {

// Two that suspend the same guest would both see it suspended: until the Descriptor is closed, it
// is this process's. `doing` completes "cannot …" for all of these.
[[nodiscard]] Descriptor take_to_suspend(const TakeName& take_name, DomainId id, const char* doing);

// Throws Error for what cannot be suspended, and for a guest in doubt.
DomainInfo require_suspendable(Hypervisor& hypervisor, DomainId id, const char* doing);

// Throws Error for a guest that is in doubt: it may run elsewhere.
void require_no_doubt(const DomainInfo& guest, const char* doing);

// Throws Error for a suspended guest without a record. A destroy removes that before the domain;
// the guest would run, and reach nobody.
void require_record(Store& store, DomainId id, const char* doing);

// What its memory says of the guest.
void describe_memory(image::GuestDescription& guest, std::uint64_t pfn_end, std::uint64_t pages);

// The same of one that was declined, `why`, and would get so many pages from libxenguest. Throws
// Error if it is not for that either, would have more memory than it may, or libxenguest is not
// there.
void describe_for_libxenguest(const Host& host, const DomainInfo& guest, std::uint64_t pages,
                              const std::string& why, image::GuestDescription& description);

// Writes its memory as libxenguest saves it, having been declined, `why`.
void write_stream(Hypervisor& hypervisor, DomainId id, const std::string& why,
                  image::ImageWriter& writer);

// A guest that was made without a console may name a page for it all the same.
[[nodiscard]] image::MachineState state_of(GuestMemory& memory, const GuestConfig& config);

// A guest cannot leave with memory that is not its own.
[[noreturn]] void refuse_strange_table(DomainId id, std::uint64_t pfn, const char* doing);

}  // namespace xcl::verbs
