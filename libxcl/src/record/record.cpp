// SPDX-License-Identifier: BSD-3-Clause
// The one table of XenStore entries that a guest needs, each with its reader.
#include "record/record.hpp"

#include <array>

#include <fmt/format.h>

namespace xcl {

std::string domain_path(DomainId id) {
    return fmt::format("/local/domain/{}", id.value());
}

std::vector<StoreRequest> guest_record(const RecordInput& input) {
    const std::string home = domain_path(input.id);
    // A new node takes its parent's permissions, and a write makes the parents that are missing:
    // so three permission requests do for the whole record.
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

    write("data", "");  // the guest: its own notes (ClickOS keeps its configuration here)
    record.push_back(store_permissions(home + "/data", guest_writes));

    if (input.console_port) {
        write("console/port", fmt::format("{}", *input.console_port));       // xenconsoled
        write("console/ring-ref", fmt::format("{}", input.frames.console));  // xenconsoled
    }

    record.push_back(store_introduce(input.id, input.frames.xenstore, input.store_port));
    return record;
}

std::vector<StoreRequest> guest_removal(DomainId id) {
    return {store_remove(domain_path(id))};
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
