// SPDX-License-Identifier: BSD-3-Clause
// The one table of XenStore entries that a guest needs, each with its reader.
#include "record/record.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/format.h>

namespace xcl {

std::string domain_path(DomainId id) {
    return fmt::format("/local/domain/{}", id.value());
}

std::string frontend_path(const VifId& vif) {
    return fmt::format("{}/device/vif/{}", domain_path(vif.guest), vif.number);
}

std::string backends_path(DomainId id) {
    return fmt::format("/local/domain/0/backend/vif/{}", id.value());
}

std::string backend_path(const VifId& vif) {
    return fmt::format("{}/{}", backends_path(vif.guest), vif.number);
}

std::string backend_error_path(const VifId& vif) {
    return fmt::format("/local/domain/0/error/backend/vif/{}/{}/error", vif.guest.value(),
                       vif.number);
}

std::vector<StoreRequest> vif_record(DomainId id, const RecordedVif& vif) {
    const VifId which{id, vif.number};
    const std::string frontend = frontend_path(which);
    const std::string backend = backend_path(which);
    const std::array<std::string, 2> guest_owns{fmt::format("n{}", id.value()), "r0"};
    const std::array<std::string, 2> guest_reads{"n0", fmt::format("r{}", id.value())};

    std::vector<StoreRequest> record;
    const auto write = [&](const std::string& side, std::string_view key, std::string value) {
        record.push_back(store_write(fmt::format("{}/{}", side, key), std::move(value)));
    };
    const auto write_given = [&](std::string_view key, const std::string& value) {
        if (!value.empty())
            write(backend, key, value);
    };

    write(frontend, "backend", backend);  // both frontends and the kernel's xenbus
    record.push_back(store_permissions(frontend, guest_owns));
    write(frontend, "backend-id", "0");
    write(frontend, "mac", vif.mac);
    write(frontend, "state", "1");  // XenbusStateInitialising (xen/io/xenbus.h)

    write(backend, "frontend", frontend);
    record.push_back(store_permissions(backend, guest_reads));
    write(backend, "frontend-id", fmt::format("{}", id.value()));
    write(backend, "online", "1");  // the interface stays while the frontend connects anew
    write(backend, "handle", fmt::format("{}", vif.number));  // netback: the interface's name
    write(backend, "mac", vif.mac);                           // netback: the frontend's address
    write(backend, "script", vif.script);  // netback wants it; destroy tells the script of the end
    write_given("bridge", vif.bridge);     // scripts
    write_given("ip", vif.ip);             // guests of ours, people, scripts
    write_given("rate", vif.rate);         // netback
    // Connected means that somebody saw to the switch. We will have before the guest runs; a script
    // writes it itself.
    if (vif.script.empty())
        write(backend, "hotplug-status", "connected");
    // Last: it is what netback waits for to look at the rest.
    write(backend, "state", "1");
    return record;
}

std::vector<StoreRequest> guest_record(const RecordInput& input) {
    const std::string home = domain_path(input.id);
    // A new node takes its parent's permissions, and a write makes the parents that are missing:
    // so three permission requests do for the record of a guest without vifs.
    const std::array<std::string, 2> guest_reads{"n0", fmt::format("r{}", input.id.value())};
    const std::array<std::string, 2> guest_writes{"n0", fmt::format("b{}", input.id.value())};

    std::vector<StoreRequest> record;
    const auto write = [&](std::string_view path, std::string value) {
        record.push_back(store_write(fmt::format("{}/{}", home, path), std::move(value)));
    };

    write("name", input.name);  // people, xl list
    record.push_back(store_permissions(home, guest_reads));

    write("control/shutdown", "");  // the guest: watches it, clears it to acknowledge
    record.push_back(store_permissions(home + "/control/shutdown", guest_writes));

    // The guest: a directory for its own notes (ClickOS keeps its configuration here).
    record.push_back(store_make_directory(home + "/data"));
    record.push_back(store_permissions(home + "/data", guest_writes));

    std::ranges::move(own_nodes_record(input.id, input.store), std::back_inserter(record));

    if (input.console_port)
        write("console/port", fmt::format("{}", *input.console_port));  // xenconsoled
    if (input.frames)
        std::ranges::move(rings_record(input, *input.frames), std::back_inserter(record));

    for (const RecordedVif& vif : input.vifs)
        std::ranges::move(vif_record(input.id, vif), std::back_inserter(record));
    return record;
}

// The guest's own notes, which it expects.
std::vector<StoreRequest> own_nodes_record(DomainId id,
                                           std::span<const image::StoreEntry> entries) {
    std::vector<StoreRequest> record;
    for (const image::StoreEntry& entry : entries)
        record.push_back(
            store_write(fmt::format("{}/{}", domain_path(id), entry.path), entry.value));
    return record;
}

std::vector<StoreRequest> rings_record(const RecordInput& input, const RingFrames& frames) {
    if (!input.console_port)
        return {};
    return {store_write(domain_path(input.id) + "/console/ring-ref",  // xenconsoled
                        fmt::format("{}", frames.console))};
}

StoreRequest guest_introduction(const RecordInput& input, const RingFrames& frames) {
    return store_introduce(input.id, frames.xenstore, input.store_port);
}

std::vector<StoreRequest> guest_removal(DomainId id, bool has_vifs) {
    // The backends first: the control domain's kernel lets go of the guest while its own side goes.
    if (has_vifs)
        return {store_remove(backends_path(id)), store_remove(domain_path(id))};
    return {store_remove(domain_path(id))};
}

std::vector<StoreRequest> vif_removal(const VifId& vif) {
    return {store_remove(backend_path(vif)), store_remove(frontend_path(vif))};
}

StoreRequest backend_errors_removal(DomainId id) {
    return store_remove(fmt::format("/local/domain/0/error/backend/vif/{}", id.value()));
}

std::vector<StoreRequest> foreign_removal(DomainId id, const Uuid& uuid,
                                          std::span<const std::string> backend_kinds) {
    std::vector<StoreRequest> removal;
    for (const std::string& kind : backend_kinds)
        removal.push_back(
            store_remove(fmt::format("/local/domain/0/backend/{}/{}", kind, id.value())));
    removal.push_back(store_remove("/vm/" + uuid_text(uuid)));
    removal.push_back(store_remove(fmt::format("/libxl/{}", id.value())));
    removal.push_back(store_remove(domain_path(id)));
    return removal;
}

}  // namespace xcl
