// SPDX-License-Identifier: BSD-3-Clause
// Grants: which other domain may use which page of the guest. Version 1 of Xen's grant table.
#include "grants.hpp"

#include "hypercall.hpp"

namespace guest {

namespace {
constexpr std::uint16_t in_use = GTF_reading | GTF_writing;  // Xen sets and clears these

// The machine address of the table's frame; 0 if Xen gives none.
std::uint64_t table_address() {
    xen_pfn_t frame = 0;
    gnttab_setup_table setup{};
    setup.dom = DOMID_SELF;
    setup.nr_frames = 1;
    set_xen_guest_handle(setup.frame_list, &frame);
    if (grant_table_op(GNTTABOP_setup_table, setup) != 0 || setup.status != GNTST_okay)
        return 0;
    return frame * page_bytes;
}

}  // namespace

bool Grants::set_up() {
    if (table_ != nullptr)
        return true;
    const std::uint64_t address = table_address();
    if (address == 0)
        return false;
    table_ = static_cast<grant_entry_v1*>(memory_->map_machine(address));
    return true;
}

void Grants::unmap() {
    if (table_ != nullptr)
        Memory::unmap_machine(table_);
}

void Grants::map_again() {
    if (table_ == nullptr)
        return;
    const std::uint64_t address = table_address();
    if (address == 0)
        __builtin_trap();
    Memory::map_machine_at(table_, address);
}

bool Grants::allow(grant_ref_t ref, domid_t peer, const void* page, Access access) {
    grant_entry_v1& entry = table_[ref];
    const auto frame = static_cast<std::uint32_t>(memory_->machine_frame(page));
    const auto flags =
        static_cast<std::uint16_t>(GTF_permit_access | static_cast<std::uint16_t>(access));
    if (!revoke(ref)) {
        // A peer that has not let go of the page may keep what it would be given again.
        const std::uint16_t now = __atomic_load_n(&entry.flags, __ATOMIC_RELAXED);
        return (now & ~in_use) == flags && entry.domid == peer && entry.frame == frame;
    }
    entry.frame = frame;
    entry.domid = peer;
    // Last: from here on the entry counts (grant_table.h, "Introducing a valid entry").
    __atomic_store_n(&entry.flags, flags, __ATOMIC_RELEASE);
    return true;
}

bool Grants::revoke(grant_ref_t ref) {
    std::uint16_t& flags = table_[ref].flags;
    std::uint16_t now = __atomic_load_n(&flags, __ATOMIC_RELAXED);
    // Fails and looks again only when Xen has changed the flags in between.
    while ((now & in_use) == 0) {
        if (__atomic_compare_exchange_n(&flags, &now, std::uint16_t{0}, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_RELAXED))
            return true;
    }
    return false;
}

}  // namespace guest
