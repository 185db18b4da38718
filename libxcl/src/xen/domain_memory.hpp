// SPDX-License-Identifier: BSD-3-Clause
// A new domain's memory: asked for, cleared, and what Xen keeps beside it. Shared by the two ways
// in which a domain is filled, from a kernel and from an image.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ports/hypervisor.hpp"
#include "xen/frame_map.hpp"
#include "xen/hypercalls.hpp"

namespace xcl::xen {

using FrameList = std::vector<xen_pfn_t>;  // by guest page frame: its machine frame

// Gives the domain the pages `owned`, PFNs ascending and less than `pfn_end`; the list is of that
// length. Xen enters them into its own machine-to-physical table by itself.
[[nodiscard]] FrameList populate(Hypercalls& hypercalls, DomainId id, std::uint64_t pfn_end,
                                 std::span<const std::uint64_t> owned);

// Those frames of the list, in the order of `pfns`.
[[nodiscard]] FrameList frames_of(std::span<const xen_pfn_t> frames,
                                  std::span<const std::uint64_t> pfns);

void clear_pages(Hypercalls& hypercalls, DomainId id, std::span<const xen_pfn_t> frames);

// The frame of the guest's grant table that holds the first 512 grants.
[[nodiscard]] xen_pfn_t grant_frame(Hypercalls& hypercalls, DomainId id);
// The daemons map the rings through the two reserved grants there.
void seed_grants(grant_entry_v1_t* grants, const RingFrames& rings);

[[nodiscard]] xen_pfn_t shared_info_frame(Hypercalls& hypercalls, DomainId id);

struct PinnedTable {
    xen_pfn_t frame = 0;
    unsigned command = 0;  // MMUEXT_PIN_L1_TABLE to MMUEXT_PIN_L4_TABLE, MMUEXT_UNPIN_TABLE
};

// None of them is mapped any more: Xen takes no page for a table that somebody maps writable.
void pin_tables(Hypercalls& hypercalls, DomainId id, std::span<const PinnedTable> tables);

}  // namespace xcl::xen
