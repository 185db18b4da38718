// SPDX-License-Identifier: BSD-3-Clause
// Reads a guest's record back, in as few exchanges as there are levels of nodes.
#include "verbs/guest_notes.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include <fmt/format.h>

#include "config/vif_values.hpp"
#include "record/label.hpp"
#include "record/record.hpp"
#include "verbs/guests.hpp"
#include "verbs/recorded_vifs.hpp"
#include "xcl/error.hpp"

namespace xcl::verbs {
namespace {

template <typename Number>
std::optional<Number> number_in(const std::string& text) {
    Number number{};
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    return error == std::errc{} && rest == end ? std::optional(number) : std::nullopt;
}

// "62500,50000", as record.cpp and libxl write it.
std::optional<VifRate> rate_in(const std::string& text) {
    const std::size_t comma = text.find(',');
    if (comma == std::string::npos)
        return std::nullopt;
    const auto bytes = number_in<std::uint32_t>(text.substr(0, comma));
    const auto interval = number_in<std::uint32_t>(text.substr(comma + 1));
    if (!bytes || !interval)
        return std::nullopt;
    return VifRate{.bytes = *bytes, .interval_us = *interval};
}

// What no config could say ("10.0.0.2 fd00::2") nobody but the guest needs.
VifAddress address_in(const std::string& text) {
    if (text.empty())
        return {};
    try {
        return config::read_address({.text = text, .place = {}});
    } catch (const Error&) {
        return {};
    }
}

void add_vifs(const Host& host, DomainId id, std::span<const VifId> vifs,
              image::GuestDescription& guest) {
    constexpr std::array<std::string_view, 5> keys{"mac", "ip", "rate", "script", "bridge"};
    std::vector<StoreRequest> requests;
    for (const VifId& vif : vifs)
        for (const std::string_view key : keys)
            requests.push_back(store_read(fmt::format("{}/{}", backend_path(vif), key)));
    if (requests.empty())
        return;
    const std::vector<StoreReply> replies = host.store.exchange(requests);
    for (std::size_t i = 0; i < vifs.size(); ++i) {
        const auto value = [&](std::size_t key) -> const std::string& {
            return replies[i * keys.size() + key].value;
        };
        VifConfig vif{.mac = parse_mac(value(0)),
                      .bridge = value(4),
                      .ip = address_in(value(1)),
                      .script = value(3),
                      .rate = rate_in(value(2))};
        if (!vif.mac)
            throw Error({.domain = id,
                         .doing = "suspend it",
                         .call = describe(requests[i * keys.size()]),
                         .error = replies[i * keys.size()].error,
                         .problem = fmt::format("its vif {} has no MAC address", vifs[i].number)});
        if (vif.script.empty())
            if (const auto interface = host.network.interface_of(vifs[i]);
                interface && interface->bridge)
                vif.bridge = interface->bridge->name;
        guest.config.vifs.push_back(std::move(vif));
        guest.vif_numbers.push_back(vifs[i].number);
    }
}

// libxl gives guests more than vifs.
void require_no_other_devices(Store& store, DomainId id) {
    for (const std::string& kind :
         names_below(store, domain_path(id) + "/device", "list its devices in XenStore"))
        if (kind != "vif" && kind != "suspend")
            throw Error(
                {.domain = id,
                 .doing = "suspend it",
                 .problem = fmt::format("it has a device of kind {}, which no image holds", kind),
                 .hint = "'xl save' saves guests of xl"});
}

}  // namespace

GuestNotes read_notes(const Host& host, const DomainInfo& domain) {
    const DomainId id = domain.id;
    if (!domain.ours)
        require_no_other_devices(host.store, id);
    const std::string home = domain_path(id);
    const std::optional<Label> label = read_label(domain.uuid);
    // Each request costs as much as a wait.
    std::vector<StoreRequest> requests{store_read(home + "/name"),
                                       store_directory(home + "/console"),
                                       store_read(home + "/device/suspend/event-channel")};
    const std::size_t fixed = requests.size();
    if (!label || label->has_vifs)
        requests.push_back(store_directory(backends_path(id)));
    const std::vector<StoreReply> replies = host.store.exchange(requests);
    for (std::size_t i = 0; i < requests.size(); ++i)
        if (replies[i].error != 0 && replies[i].error != ENOENT)
            throw Error({.domain = id,
                         .doing = "read its record",
                         .call = describe(requests[i]),
                         .error = replies[i].error});

    GuestNotes notes;
    GuestConfig& config = notes.guest.config;
    config.name = replies[0].value;
    const std::vector<std::string> console = directory_names(replies[1]);
    const bool has_console = std::ranges::find(console, "port") != console.end();
    config.console = has_console ? ConsoleKind::pty : ConsoleKind::none;
    notes.terminal_met = !has_console || std::ranges::find(console, "tty") != console.end();
    config.vcpus = domain.max_vcpus;
    if (label) {
        config.on_poweroff = label->on_poweroff;
        config.on_crash = label->on_crash;
    }
    if (const auto port = number_in<EventPort>(replies[2].value); port && *port != 0)
        notes.suspend_port = port;
    if (replies.size() > fixed)
        add_vifs(host, id, vifs_in(id, requests[fixed], replies[fixed]), notes.guest);
    return notes;
}

std::vector<image::StoreEntry> read_own_nodes(Store& store, DomainId id) {
    const std::string home = domain_path(id) + "/";
    std::vector<image::StoreEntry> found;
    for (std::vector<std::string> level{"data", "attr"}; !level.empty();) {
        std::vector<StoreRequest> requests;
        for (const std::string& path : level) {
            requests.push_back(store_read(home + path));
            requests.push_back(store_directory(home + path));
        }
        const std::vector<StoreReply> replies = store.exchange(requests);
        std::vector<std::string> below;
        for (std::size_t i = 0; i < level.size(); ++i) {
            const StoreReply& value = replies[2 * i];
            const StoreReply& names = replies[2 * i + 1];
            if (value.error == ENOENT)
                continue;  // gone by now
            for (const StoreReply* reply : {&value, &names})
                if (reply->error != 0 && reply->error != ENOENT)
                    throw Error({.domain = id,
                                 .doing = "read what it keeps in XenStore",
                                 .call = describe(requests[2 * i]),
                                 .error = reply->error});
            // The roots are made anew, with it or without.
            if (level[i].find('/') != std::string::npos || !value.value.empty())
                found.push_back({.path = level[i], .value = value.value});
            for (const std::string& name : directory_names(names))
                below.push_back(fmt::format("{}/{}", level[i], name));
        }
        if (found.size() + below.size() > image::max_store_entries)
            throw Error(
                {.domain = id,
                 .doing = "read what it keeps in XenStore",
                 .problem = fmt::format("it has more than {} nodes", image::max_store_entries)});
        level = std::move(below);
    }
    return found;
}

}  // namespace xcl::verbs
