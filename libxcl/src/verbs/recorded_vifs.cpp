// SPDX-License-Identifier: BSD-3-Clause
// Reads which vifs are recorded.
#include "verbs/recorded_vifs.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <iterator>
#include <thread>

#include <fmt/format.h>

#include "record/record.hpp"
#include "verbs/guests.hpp"
#include "xcl/error.hpp"

namespace xcl::verbs {

std::vector<VifId> vifs_in(DomainId id, const StoreRequest& request, const StoreReply& reply) {
    if (reply.error == ENOENT)
        return {};  // it never had one
    require_done({&request, 1}, {&reply, 1}, std::nullopt, "list the vifs in XenStore");
    std::vector<VifId> vifs;
    for (const std::string& name : directory_names(reply)) {
        std::uint16_t number = 0;
        const char* const end = name.data() + name.size();
        if (const auto [rest, error] = std::from_chars(name.data(), end, number);
            error == std::errc{} && rest == end)
            vifs.push_back({id, number});
    }
    std::ranges::sort(vifs);
    return vifs;
}

std::vector<VifId> recorded_vifs(Store& store, std::span<const DomainId> ids) {
    std::vector<StoreRequest> requests;
    for (const DomainId id : ids)
        requests.push_back(store_directory(backends_path(id)));
    const std::vector<StoreReply> replies = store.exchange(requests);
    std::vector<VifId> vifs;
    for (std::size_t i = 0; i < ids.size(); ++i)
        std::ranges::move(vifs_in(ids[i], requests[i], replies[i]), std::back_inserter(vifs));
    return vifs;
}

std::vector<RecordedScript> recorded_scripts(Store& store, std::span<const VifId> vifs) {
    std::vector<StoreRequest> requests;
    for (const VifId& vif : vifs) {
        requests.push_back(store_read(backend_path(vif) + "/script"));
        requests.push_back(store_read(backend_path(vif) + "/bridge"));
    }
    if (requests.empty())
        return {};
    const std::vector<StoreReply> replies = store.exchange(requests);
    std::vector<RecordedScript> scripts;
    for (std::size_t i = 0; i < vifs.size(); ++i)
        if (!replies[2 * i].value.empty())
            scripts.push_back({vifs[i], replies[2 * i].value, replies[2 * i + 1].value});
    return scripts;
}

void run_offline_scripts(Network& network, Store& store, std::span<const VifId> vifs) {
    constexpr std::chrono::seconds patience{5};
    for (const RecordedScript& script : recorded_scripts(store, vifs)) {
        try {
            static_cast<void>(network.run_script({.path = script.path,
                                                  .action = "offline",
                                                  .vif = script.vif,
                                                  .bridge = script.bridge},
                                                 std::chrono::steady_clock::now() + patience));
        } catch (const Error&) {  // NOLINT(bugprone-empty-catch): it was removed meanwhile
        }
    }
}

bool is_gone_by(Network& network, const VifId& vif,
                std::chrono::steady_clock::time_point deadline) {
    constexpr std::chrono::milliseconds pause{2};
    while (network.interface_of(vif)) {
        if (std::chrono::steady_clock::now() >= deadline)
            return false;
        std::this_thread::sleep_for(pause);
    }
    return true;
}

}  // namespace xcl::verbs
