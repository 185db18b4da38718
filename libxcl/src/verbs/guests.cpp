// SPDX-License-Identifier: BSD-3-Clause
// Checks that verbs share.
#include "verbs/guests.hpp"

#include <cerrno>
#include <charconv>

#include "xcl/error.hpp"

namespace xcl::verbs {

Error no_such_guest(DomainId id) {
    return Error({.kind = ErrorKind::no_such_guest,
                  .domain = id,
                  .problem = "no such guest",
                  .hint = "'cosmos list' shows those that exist"});
}

DomainInfo require_guest(Hypervisor& hypervisor, DomainId id, const std::string& doing) {
    if (id == control_domain)
        throw Error({.domain = id, .doing = doing, .problem = "it is the control domain"});
    const std::optional<DomainInfo> info = hypervisor.info(id);
    if (!info)
        throw no_such_guest(id);
    return *info;
}

std::vector<DomainInfo> require_guests(Hypervisor& hypervisor, std::span<const DomainId> ids,
                                       const std::string& doing) {
    std::vector<DomainInfo> guests;
    guests.reserve(ids.size());
    for (const DomainId id : ids)
        guests.push_back(require_guest(hypervisor, id, doing));
    return guests;
}

void require_done(std::span<const StoreRequest> requests, std::span<const StoreReply> replies,
                  std::optional<DomainId> id, const std::string& doing) {
    for (std::size_t i = 0; i < requests.size(); ++i) {
        const bool already_gone =
            requests[i].operation == StoreRequest::Operation::remove && replies[i].error == ENOENT;
        if (replies[i].error == 0 || already_gone)
            continue;
        throw Error({.domain = id,
                     .doing = doing,
                     .call = describe(requests[i]),
                     .error = replies[i].error});
    }
}

std::vector<std::string> names_below(Store& store, const std::string& path,
                                     const std::string& doing) {
    const std::vector<StoreRequest> request{store_directory(path)};
    const StoreReply reply = store.exchange(request).front();
    if (reply.error != 0 && reply.error != ENOENT)
        throw Error({.doing = doing, .call = describe(request.front()), .error = reply.error});
    return directory_names(reply);
}

std::vector<DomainId> ids_below(Store& store, const std::string& path, const std::string& doing) {
    std::vector<DomainId> ids;
    for (const std::string& text : names_below(store, path, doing)) {
        std::uint16_t value = 0;
        const char* const end = text.data() + text.size();
        const auto [rest, error] = std::from_chars(text.data(), end, value);
        if (error == std::errc{} && rest == end)
            ids.emplace_back(value);
    }
    return ids;
}

}  // namespace xcl::verbs
