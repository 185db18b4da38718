// SPDX-License-Identifier: BSD-3-Clause
// Asks before anything is made, so that the refusal can say how much is missing.
#include "verbs/host_memory.hpp"

#include <fmt/format.h>

#include "image/guest_image.hpp"
#include "xcl/error.hpp"

namespace xcl::verbs {

HostInfo require_memory(Hypervisor& hypervisor, std::uint64_t pages) {
    using image::pages_per_mib;
    const HostInfo host = hypervisor.host_info();
    if (pages > host.free_pages)
        throw Error({.doing = "create the guest",
                     .problem = fmt::format("it needs {} MiB of memory, the host has {} MiB free",
                                            pages / pages_per_mib, host.free_pages / pages_per_mib),
                     .hint = "destroy guests, or lower 'memory' in the config"});
    return host;
}

}  // namespace xcl::verbs
