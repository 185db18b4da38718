// SPDX-License-Identifier: BSD-3-Clause
// libxenguest's own save and restore, for guests that are not read page by page: the program
// libxenguest-stream does them, and its stream goes to and fro.
#pragma once

#include "ports/hypervisor.hpp"

namespace xcl::xen {

// As Hypervisor has them.
void require_libxenguest();
void save_by_libxenguest(DomainId id, const Hypervisor::StreamSink& sink);
[[nodiscard]] RingFrames restore_by_libxenguest(DomainId id, EventPort store_port,
                                                EventPort console_port,
                                                const Hypervisor::StreamSource& source);

}  // namespace xcl::xen
