// SPDX-License-Identifier: BSD-3-Clause
// Opens the host and hands its ports to the verbs.
#include "xcl/toolstack.hpp"

#include <utility>

#include "host/linux_machine.hpp"
#include "host/survey.hpp"
#include "verbs/verbs.hpp"
#include "xen/hypervisor.hpp"
#include "xenstore/socket_store.hpp"

namespace xcl {

struct Toolstack::Host {
    explicit Host(Options options)
        : log(std::move(options.log)), stopwatch(options.take_times), hypervisor(stopwatch, log) {}

    // Connected by the first verb that needs it, and kept.
    Store& store() {
        if (!connection)
            connection.emplace(stopwatch);
        return *connection;
    }

    Log log;
    Stopwatch stopwatch;
    xen::XenHypervisor hypervisor;
    std::optional<xenstore::SocketStore> connection;
};

Toolstack::Toolstack() : Toolstack(Options{}) {}
Toolstack::Toolstack(Options options) : host_(std::make_unique<Host>(std::move(options))) {}
Toolstack::~Toolstack() = default;
Toolstack::Toolstack(Toolstack&&) noexcept = default;
Toolstack& Toolstack::operator=(Toolstack&&) noexcept = default;

std::vector<CreatedGuest> Toolstack::create(const GuestConfig& config,
                                            const CreateOptions& options) {
    const verbs::Blueprint blueprint = verbs::read_blueprint(config);
    if (host_->log)
        host_->log(verbs::describe(blueprint));
    return verbs::create(host_->hypervisor, host_->store(), blueprint, options);
}

void Toolstack::destroy(std::span<const DomainId> ids) {
    verbs::destroy(host_->hypervisor, host_->store(), ids);
}

void Toolstack::pause(std::span<const DomainId> ids) {
    verbs::pause(host_->hypervisor, ids);
}

void Toolstack::unpause(std::span<const DomainId> ids) {
    verbs::unpause(host_->hypervisor, ids);
}

void Toolstack::request_end(std::span<const DomainId> ids, EndRequest request) {
    verbs::request_end(host_->hypervisor, host_->store(), ids, request);
}

std::vector<EndedGuest> Toolstack::end_and_wait(std::span<const DomainId> ids, EndRequest request,
                                                std::chrono::milliseconds timeout) {
    return verbs::end_and_wait(host_->hypervisor, host_->store(), ids, request, timeout);
}

std::vector<DomainInfo> Toolstack::list() {
    return host_->hypervisor.list();
}

std::vector<std::string> Toolstack::names(std::span<const DomainId> ids) {
    return verbs::names(host_->store(), ids);
}

GuestDetails Toolstack::info(DomainId id) {
    return verbs::info(host_->hypervisor, host_->store(), id);
}

DomainId Toolstack::find(const std::string& name) {
    return verbs::find(host_->hypervisor, host_->store(), name);
}

std::string Toolstack::console_path(DomainId id, std::chrono::milliseconds timeout) {
    return verbs::console_path(host_->hypervisor, host_->store(), id, timeout);
}

std::vector<Reaped> Toolstack::reap() {
    return verbs::reap(host_->hypervisor, host_->store(), is_running);
}

std::vector<HostItem> Toolstack::check_host(const HostDemand& demand) {
    host::LinuxMachine machine;
    host::Host parts{.machine = machine, .hypervisor = host_->hypervisor};
    return host::check(parts, demand);
}

std::vector<HostItem> Toolstack::prepare_host(const HostDemand& demand,
                                              const PrepareOptions& options) {
    host::LinuxMachine machine;
    host::Host parts{.machine = machine, .hypervisor = host_->hypervisor};
    return host::prepare(parts, demand, options);
}

std::vector<CachedImage> cache_images(const std::string& file_or_directory) {
    host::LinuxMachine machine;
    return host::cache_images(machine, file_or_directory);
}

Timings Toolstack::timings() const noexcept {
    return host_->stopwatch.timings();
}

}  // namespace xcl
