// SPDX-License-Identifier: BSD-3-Clause
// Puts together what several keys say about one thing.
#include "config/draft.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace xcl::config {
namespace {

void warn(Draft& draft, const Place& place, std::string_view text) {
    draft.warnings.push_back(at(place, text));
}

// As xl does: `cmdline` counts alone; without it the kernel is told "root=ROOT EXTRA".
void complete_cmdline(Draft& draft) {
    std::string& line = draft.config.cmdline;
    if (draft.cmdline) {
        line = draft.cmdline->value;
        if (draft.root)
            warn(draft, draft.root->place, "'root' has no effect beside 'cmdline'");
        if (draft.extra)
            warn(draft, draft.extra->place, "'extra' has no effect beside 'cmdline'");
    } else {
        if (draft.root)
            line = "root=" + draft.root->value;
        if (draft.root && draft.extra)
            line += ' ';
        if (draft.extra)
            line += draft.extra->value;
    }
    if (line.size() <= GuestConfig::max_cmdline)
        return;
    const auto& source = draft.cmdline ? draft.cmdline : draft.extra ? draft.extra : draft.root;
    fail(source->place, fmt::format("expected a kernel command line of at most {} bytes, found {}",
                                    GuestConfig::max_cmdline, line.size()));
}

void complete_limits(Draft& draft) {
    if (draft.maxmem && draft.maxmem->value != draft.config.memory_mib) {
        warn(draft, draft.maxmem->place,
             "'maxmem' has no effect here: a guest keeps the memory it starts with");
    }
    if (draft.maxvcpus && draft.maxvcpus->value != draft.config.vcpus) {
        warn(draft, draft.maxvcpus->place,
             "'maxvcpus' has no effect here: a guest has all its vCPUs from the start");
    }
}

// One list for each vCPU becomes one list for all where that says the same.
void complete_cpus(Draft& draft) {
    if (!draft.cpus_by_vcpu)
        return;
    auto& lists = draft.cpus_by_vcpu->value;
    const std::size_t vcpus = draft.config.vcpus;
    if (lists.size() > vcpus) {
        warn(draft, draft.cpus_by_vcpu->place,
             fmt::format("'cpus' lists {} vCPUs, the guest has {}: the rest has no effect",
                         lists.size(), vcpus));
        lists.resize(vcpus);
    }
    const bool all_alike = lists.size() == vcpus &&
                           std::all_of(lists.begin(), lists.end(), [&lists](const CpuList& list) {
                               return list == lists.front();
                           });
    if (all_alike) {
        draft.config.cpus = std::move(lists.front());
    } else {
        draft.config.cpus_by_vcpu = std::move(lists);
    }
}

}  // namespace

void complete(Draft& draft, std::string_view origin) {
    if (draft.config.kernel.empty()) {
        fail(origin, "no 'kernel' is given",
             "add kernel = \"PATH\", the image that the guest boots");
    }
    if (draft.config.memory_mib == 0)
        fail(origin, "no 'memory' is given", "add memory = MIB, for example memory = 8");
    complete_cmdline(draft);
    complete_limits(draft);
    complete_cpus(draft);
}

}  // namespace xcl::config
