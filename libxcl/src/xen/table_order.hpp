// SPDX-License-Identifier: BSD-3-Clause
// The order in which Xen gets the tables of a domain that is filled from an image.
#pragma once

#include <span>
#include <vector>

#include "image/machine_state.hpp"
#include "xen/domain_memory.hpp"
#include "xen/handles.hpp"

namespace xcl::xen {

struct TableOrder {
    std::vector<PinnedTable> to_pin;    // ascending levels
    std::vector<PinnedTable> to_unpin;  // those of them that the guest did not pin
};

// Each table before those that name it: then Xen finds every fault in the table that it is asked to
// pin, and never in one below. Where it finds one below after it was interrupted there, Xen 4.17
// keeps a reference for ever, and the domain's last page stays with it.
//
// `frames` are those of the domain's pages, by PFN. Throws Error if a table names as a table what
// is none of the level below, or of its own (a table may map itself, to be read).
[[nodiscard]] TableOrder order_tables(Handles& handles, DomainId id,
                                      std::span<const image::PageId> pages,
                                      std::span<const xen_pfn_t> frames);

}  // namespace xcl::xen
