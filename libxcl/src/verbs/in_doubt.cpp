// SPDX-License-Identifier: BSD-3-Clause
// Reads a UUID back from the path that libxl made of it.
#include "verbs/in_doubt.hpp"

#include <optional>

#include "record/label.hpp"
#include "record/record.hpp"
#include "xcl/error.hpp"

namespace xcl::verbs {

Uuid uuid_without_doubt(Store& store, const DomainInfo& guest) {
    const std::optional<Label> label = read_label(guest.uuid);
    if (!label || !label->in_doubt)
        return guest.uuid;
    if (!label->foreign)
        return label_settled(guest.uuid);
    const std::vector<StoreRequest> request{store_read(domain_path(guest.id) + "/vm")};
    const StoreReply reply = store.exchange(request).front();
    constexpr std::string_view above = "/vm/";
    const std::optional<Uuid> uuid = reply.value.starts_with(above)
                                         ? parse_uuid(reply.value.substr(above.size()))
                                         : std::nullopt;
    if (!uuid)
        throw Error({.domain = guest.id,
                     .doing = "find the UUID that it had",
                     .call = describe(request.front()),
                     .error = reply.error});
    return *uuid;
}

}  // namespace xcl::verbs
