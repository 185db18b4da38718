// SPDX-License-Identifier: BSD-3-Clause
// Puts the survey together, and sets what it found short.
#include "host/survey.hpp"

#include <iterator>

namespace xcl::host {

std::vector<Finding> survey(Host& host, const HostDemand& demand) {
    std::vector<Finding> findings;
    survey_kernel(host, demand, findings);
    survey_cpus(host, findings);
    survey_capacity(host, demand, findings);
    survey_ramdisk(host, demand, findings);
    return findings;
}

std::vector<HostItem> check(Host& host, const HostDemand& demand) {
    std::vector<HostItem> items;
    for (Finding& finding : survey(host, demand))
        items.push_back(std::move(finding.item));
    return items;
}

std::vector<HostItem> prepare(Host& host, const HostDemand& demand, const PrepareOptions& options) {
    std::vector<HostItem> still_short;
    for (const Finding& finding : survey(host, demand)) {
        if (finding.item.enough)
            continue;
        if (!finding.set) {
            still_short.push_back(finding.item);
            continue;
        }
        if (!options.dry_run)
            finding.set();
        if (options.on_change)
            options.on_change(finding.item);
    }
    return still_short;
}

}  // namespace xcl::host
