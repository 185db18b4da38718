// SPDX-License-Identifier: BSD-3-Clause
// info, names and find: what XenStore knows of guests.
#include <fmt/format.h>

#include "record/record.hpp"
#include "verbs/guests.hpp"
#include "verbs/verbs.hpp"
#include "xcl/error.hpp"

namespace xcl::verbs {

std::vector<std::string> names(Store& store, std::span<const DomainId> ids) {
    std::vector<StoreRequest> requests;
    requests.reserve(ids.size());
    for (const DomainId id : ids)
        requests.push_back(store_read(domain_path(id) + "/name"));
    std::vector<std::string> names;
    names.reserve(ids.size());
    for (StoreReply& reply : store.exchange(requests))
        names.push_back(reply.error == 0 ? std::move(reply.value) : std::string());
    return names;
}

GuestDetails info(const Host& host, DomainId id) {
    const std::optional<DomainInfo> domain = host.hypervisor.info(id);
    if (!domain)
        throw no_such_guest(id);
    const std::vector<StoreRequest> requests{store_read(domain_path(id) + "/name"),
                                             store_read(domain_path(id) + "/console/tty")};
    const std::vector<StoreReply> replies = host.store.exchange(requests);
    const std::vector<DomainId> ids{id};
    return {.domain = *domain,
            .name = replies[0].value,
            .console = replies[1].value,
            .vifs = vifs(host, ids)};
}

DomainId find(Hypervisor& hypervisor, Store& store, const std::string& name) {
    // The hypervisor's list, not XenStore's: a record may outlive its domain.
    std::vector<DomainId> ids;
    for (const DomainInfo& domain : hypervisor.list())
        ids.push_back(domain.id);
    const std::vector<std::string> known = names(store, ids);
    std::optional<DomainId> found;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (known[i] != name)
            continue;
        if (found)
            throw Error({.doing = fmt::format("find the guest named '{}'", name),
                         .problem = fmt::format("domains {} and {} both have that name",
                                                found->value(), ids[i].value()),
                         .hint = "use the domain id"});
        found = ids[i];
    }
    if (!found)
        throw Error({.kind = ErrorKind::no_such_guest,
                     .problem = fmt::format("no guest is named '{}'", name),
                     .hint = "'cosmos list --names' shows those that exist"});
    return *found;
}

}  // namespace xcl::verbs
