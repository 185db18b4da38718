// SPDX-License-Identifier: BSD-3-Clause
// Furnishes fake hosts and looks into them.
#include "fakes.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <ostream>

#include <fmt/format.h>

#include "record/label.hpp"
#include "record/record.hpp"
#include "xcl/uuid.hpp"

namespace xcl::test {

DomainId FakeHost::add_guest(const GuestConfig& config) {
    const DomainId id = verbs::create(ports(), blueprint_of(config), {.on_created = {}}).front().id;
    if (config.console == ConsoleKind::pty)
        store.write(domain_path(id) + "/console/tty", "/dev/pts/7");  // as xenconsoled does
    network.settle();
    hypervisor.calls.clear();
    store.exchanges.clear();
    return id;
}

DomainId FakeHost::add_foreign(const std::string& name) {
    const DomainId id(hypervisor.next_id++);
    Uuid uuid{};
    uuid.fill(static_cast<std::uint8_t>(id.value()));
    hypervisor.domains[id.value()] = {
        .uuid = uuid, .pages = 1024, .max_pages = 1024, .ports = 2, .built = true, .pauses = 0};
    store.introduced.insert(id.value());
    const std::string home = domain_path(id);
    store.write(home + "/name", name);
    store.write(home + "/control/shutdown", "");
    store.write(fmt::format("/local/domain/0/backend/vif/{}/0/state", id.value()), "4");
    store.write(fmt::format("/libxl/{}/type", id.value()), "pv");
    store.write("/vm/" + uuid_text(uuid) + "/name", name);
    return id;
}

Holdings holdings(const FakeHost& host) {
    return {host.hypervisor.domains, host.store.nodes, host.network.vifs, host.network.running,
            host.network.scripted};
}

void PrintTo(const Holdings& holdings, std::ostream* out) {
    *out << "domains";
    for (const auto& entry : holdings.domains)
        *out << ' ' << entry.first;
    *out << ", nodes";
    for (const auto& entry : holdings.nodes)
        *out << ' ' << entry.first;
    for (const auto& entry : holdings.vifs)
        *out << ' ' << interface_name(entry.first);
    for (const VifId& vif : holdings.running_scripts)
        *out << " script of " << interface_name(vif);
    for (const VifId& vif : holdings.scripted)
        *out << ' ' << interface_name(vif) << " not offline";
}

GuestConfig small_guest() {
    GuestConfig config;
    config.name = "small";
    config.kernel = "/nowhere/kernel";
    config.cmdline = "quiet";
    config.memory_mib = 4;
    return config;
}

GuestConfig guest_with_vif() {
    GuestConfig config = small_guest();
    config.vifs.emplace_back();
    return config;
}

GuestConfig guest_with_script() {
    GuestConfig config = guest_with_vif();
    config.vifs.front().script = "vif-test";
    return config;
}

verbs::Blueprint blueprint_of(const GuestConfig& config) {
    verbs::Blueprint blueprint{.config = config, .kernel = {}, .ramdisk = {}, .layout = {}};
    blueprint.kernel.storage.resize(16 * kernel::page_size);
    blueprint.kernel.segments.push_back(
        {0, blueprint.kernel.storage, blueprint.kernel.storage.size()});
    blueprint.kernel.end = blueprint.kernel.storage.size();
    blueprint.layout = kernel::plan_layout(blueprint.kernel, config.memory_mib * 256, 0,
                                           config.console == ConsoleKind::pty);
    return blueprint;
}

std::vector<DomainId> recorded(const FakeHost& host) {
    const std::string top = "/local/domain/";
    std::vector<DomainId> ids;
    for (const auto& entry : host.store.nodes)
        if (entry.first.starts_with(top) && entry.first.find('/', top.size()) == std::string::npos)
            ids.emplace_back(static_cast<std::uint16_t>(std::stoul(entry.first.substr(14))));
    std::erase(ids, control_domain);
    std::ranges::sort(ids);
    return ids;
}

std::vector<DomainId> existing(const FakeHost& host) {
    std::vector<DomainId> ids;
    for (const auto& entry : host.hypervisor.domains)
        if (entry.first != 0)
            ids.emplace_back(entry.first);
    return ids;
}

bool is_whole(const FakeHost& host, DomainId id) {
    const auto found = host.hypervisor.domains.find(id.value());
    if (found == host.hypervisor.domains.end())
        return false;
    const std::optional<Label> label = read_label(found->second.uuid);
    const std::string home = domain_path(id);
    return label && !label->maker && found->second.built && host.store.exists(home + "/name") &&
           host.store.exists(home + "/control/shutdown") && host.store.exists(home + "/data") &&
           host.store.introduced.contains(id.value());
}

std::size_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

}  // namespace xcl::test

namespace xcl {

void PrintTo(DomainId id, std::ostream* out) {
    *out << "domain " << id.value();
}

void PrintTo(const StoreRequest& request, std::ostream* out) {
    std::string value = request.value;
    std::ranges::replace(value, '\0', '|');
    *out << describe(request) << " = '" << value << '\'';
}

void PrintTo(const Reaped& reaped, std::ostream* out) {
    *out << "domain " << reaped.id.value() << ", cause " << static_cast<int>(reaped.cause);
}

bool operator==(const Reaped& a, const Reaped& b) {
    return a.id == b.id && a.cause == b.cause;
}

}  // namespace xcl
