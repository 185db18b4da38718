// SPDX-License-Identifier: BSD-3-Clause
// Grants: which other domain may use which page of the guest. Version 1 of Xen's grant table.
#pragma once

#include "memory.hpp"

namespace guest {

class Grants {
  public:
    enum class Access : std::uint16_t { read_write = 0, read_only = GTF_readonly };

    // As many grants as one frame of the table holds; those below `first` are the toolstack's.
    static constexpr grant_ref_t first = GNTTAB_NR_RESERVED_ENTRIES;
    static constexpr grant_ref_t end = page_bytes / sizeof(grant_entry_v1);

    explicit Grants(Memory& memory) : memory_(&memory) {}

    // Maps the table: to be done before the first grant. False if Xen gives none.
    [[nodiscard]] bool set_up();

    // For a suspend: takes the table out of the guest's page tables, and maps it again: that of the
    // domain it is in then, without a grant if that is another.
    void unmap();
    void map_again();

    // Lets `peer` use a page under the name `ref`. False if a domain still uses that name for
    // something else.
    [[nodiscard]] bool allow(grant_ref_t ref, domid_t peer, const void* page, Access access);

    // Ends a grant. False while a domain still uses the page: the grant then stays.
    bool revoke(grant_ref_t ref);

  private:
    Memory* memory_;
    grant_entry_v1* table_ = nullptr;  // none before set_up()
};

}  // namespace guest
