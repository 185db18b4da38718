// SPDX-License-Identifier: BSD-3-Clause
// vifs: what XenStore and the control domain's kernel know of guests' interfaces.
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "record/record.hpp"
#include "verbs/recorded_vifs.hpp"
#include "verbs/verbs.hpp"

namespace xcl::verbs {
namespace {

// By the numbers of XenbusState (xen/io/xenbus.h).
std::string state_word(const std::string& number) {
    static constexpr std::array<std::string_view, 9> words{
        "unknown", "initialising", "waiting",       "initialised",  "connected",
        "closing", "closed",       "reconfiguring", "reconfigured",
    };
    std::size_t index = 0;
    std::from_chars(number.data(), number.data() + number.size(), index);
    return std::string(words.at(index < words.size() ? index : 0));
}

constexpr std::size_t requests_per_vif = 4;

// Of the backend, where the guest may write nothing: what it says ends up on a terminal.
void ask_about(const VifId& vif, std::vector<StoreRequest>& requests) {
    requests.push_back(store_read(backend_path(vif) + "/mac"));
    requests.push_back(store_read(backend_path(vif) + "/ip"));
    requests.push_back(store_read(backend_path(vif) + "/state"));
    requests.push_back(store_read(backend_path(vif) + "/script"));
}

VifInfo told(const VifId& vif, std::span<const StoreReply> replies, Network& network) {
    VifInfo info{.id = vif,
                 .mac = replies[0].value,
                 .ip = replies[1].value,
                 .switch_name = {},
                 .interface = {},
                 .state = state_word(replies[2].value),
                 .script = replies[3].value,
                 .counters = {}};
    if (const std::optional<Interface> interface = network.interface_of(vif)) {
        info.interface = interface->name;
        info.counters = interface->counters;
        if (interface->bridge)
            info.switch_name = interface->bridge->name;
    }
    return info;
}

}  // namespace

std::vector<VifInfo> vifs(const Host& host, std::span<const DomainId> ids) {
    const std::vector<VifId> recorded = recorded_vifs(host.store, ids);
    if (recorded.empty())
        return {};
    std::vector<StoreRequest> requests;
    for (const VifId& vif : recorded)
        ask_about(vif, requests);
    const std::vector<StoreReply> replies = host.store.exchange(requests);
    std::vector<VifInfo> infos;
    for (std::size_t i = 0; i < recorded.size(); ++i)
        infos.push_back(told(recorded[i],
                             std::span(replies).subspan(i * requests_per_vif, requests_per_vif),
                             host.network));
    return infos;
}

}  // namespace xcl::verbs
