// SPDX-License-Identifier: BSD-3-Clause
// The frame list: where the p2m lies, in machine frames, for a toolstack that reads the guest's
// memory (arch-x86/xen.h, arch_shared_info). Two levels of pages of frame numbers lead to it.
#pragma once

#include "memory.hpp"

namespace guest {

class FrameList {
  public:
    // Takes its pages: one, and one more for each GiB that the guest has.
    explicit FrameList(Memory& memory);

    // False where there was too little memory for it: the guest can then not be suspended.
    [[nodiscard]] bool complete() const { return top_ != nullptr; }

    // Writes the list with the machine frames of now, and names it in shared_info. To be done
    // again in each domain: machine frames are others there.
    void publish(shared_info& shared);

  private:
    Memory* memory_;
    xen_pfn_t* top_;  // names the pages behind it, which name the p2m's
};

}  // namespace guest
