// SPDX-License-Identifier: BSD-3-Clause
// Opens the host and hands its ports to the verbs.
#include "xcl/toolstack.hpp"

#include <utility>

#include "core/name_lock.hpp"
#include "host/linux_machine.hpp"
#include "host/survey.hpp"
#include "image/file.hpp"
#include "net/linux_network.hpp"
#include "verbs/verbs.hpp"
#include "xen/hypervisor.hpp"
#include "xenstore/socket_store.hpp"

namespace xcl {

struct Toolstack::Host {
    explicit Host(Options options)
        : log(std::move(options.log)),
          stopwatch(options.take_times),
          hypervisor(stopwatch, log),
          network(stopwatch) {}

    // Connected by the first verb that needs it, and kept.
    Store& store() {
        if (!connection)
            connection.emplace(stopwatch);
        return *connection;
    }

    verbs::Host ports() { return {hypervisor, store(), network}; }

    Log log;
    Stopwatch stopwatch;
    xen::XenHypervisor hypervisor;
    std::optional<xenstore::SocketStore> connection;
    net::LinuxNetwork network;
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
    return verbs::create(host_->ports(), blueprint, options);
}

void Toolstack::destroy(std::span<const DomainId> ids) {
    verbs::destroy(host_->ports(), ids);
}

std::uint16_t Toolstack::attach(DomainId id, const VifConfig& vif, const AttachOptions& options) {
    return verbs::attach(host_->ports(), id, vif, options);
}

void Toolstack::detach(const VifId& vif, const DetachOptions& options) {
    verbs::detach(host_->ports(), vif, options);
}

std::vector<VifInfo> Toolstack::vifs(std::span<const DomainId> ids) {
    return verbs::vifs(host_->ports(), ids);
}

std::vector<SwitchDetails> Toolstack::switches() {
    return host_->network.switch_details();
}

void Toolstack::add_switch(const SwitchSpec& spec) {
    host_->network.add_switch(spec);
}

void Toolstack::remove_switch(const std::string& name) {
    host_->network.remove_switch(name);
}

void Toolstack::pause(std::span<const DomainId> ids) {
    verbs::pause(host_->hypervisor, ids);
}

void Toolstack::unpause(std::span<const DomainId> ids) {
    verbs::unpause(host_->hypervisor, ids);
}

void Toolstack::pin(std::span<const DomainId> ids, const CpuList& cpus) {
    verbs::pin(host_->hypervisor, ids, cpus);
}

void Toolstack::request_end(std::span<const DomainId> ids, EndRequest request) {
    verbs::request_end(host_->hypervisor, host_->store(), ids, request);
}

std::vector<EndedGuest> Toolstack::end_and_wait(std::span<const DomainId> ids, EndRequest request,
                                                std::chrono::milliseconds timeout) {
    return verbs::end_and_wait(host_->ports(), ids, request, timeout);
}

SuspendedGuest Toolstack::suspend(DomainId id, const std::string& file,
                                  const SuspendOptions& options) {
    return verbs::suspend(host_->ports(), id, file, options, take_name);
}

void Toolstack::wake(std::span<const DomainId> ids) {
    verbs::wake(host_->ports(), ids, take_name);
}

std::vector<CreatedGuest> Toolstack::resume(const std::string& file, const ResumeOptions& options) {
    const image::MappedFile mapped(file);
    return verbs::resume(host_->ports(), image::read_whole(mapped.bytes(), file), options);
}

MigratedGuest Toolstack::migrate(DomainId id, Link& link, const MigrateOptions& options) {
    return verbs::migrate(host_->ports(), id, link, options, take_name);
}

std::optional<ReceivedGuest> Toolstack::receive(Link& link, const ReceiveOptions& options) {
    wire::KernelPages kernels;
    for (const std::string& directory : options.kernel_directories)
        kernels.add_directory(directory);
    return verbs::receive(host_->ports(), link, options, kernels, take_name);
}

std::optional<DomainId> Toolstack::settle(DomainId id, Link& link,
                                          std::chrono::milliseconds patience) {
    return verbs::settle(host_->ports(), id, link, patience, take_name);
}

void Toolstack::settle_here(DomainId id) {
    verbs::settle_here(host_->ports(), id, take_name);
}

std::vector<DomainInfo> Toolstack::list() {
    return host_->hypervisor.list();
}

std::vector<std::vector<CpuList>> Toolstack::cpus(std::span<const DomainInfo> domains) {
    return verbs::cpus(host_->hypervisor, domains);
}

std::vector<std::string> Toolstack::names(std::span<const DomainId> ids) {
    return verbs::names(host_->store(), ids);
}

GuestDetails Toolstack::info(DomainId id) {
    return verbs::info(host_->ports(), id);
}

DomainId Toolstack::find(const std::string& name) {
    return verbs::find(host_->hypervisor, host_->store(), name);
}

std::string Toolstack::console_path(DomainId id, std::chrono::milliseconds timeout) {
    return verbs::console_path(host_->hypervisor, host_->store(), id, timeout);
}

std::vector<Reaped> Toolstack::reap() {
    return verbs::reap(host_->ports(), is_running);
}

std::vector<HostItem> Toolstack::check_host(const HostDemand& demand) {
    host::LinuxMachine machine;
    host::Host parts{machine, host_->hypervisor, host_->network};
    return host::check(parts, demand);
}

std::vector<HostItem> Toolstack::prepare_host(const HostDemand& demand,
                                              const PrepareOptions& options) {
    host::LinuxMachine machine;
    host::Host parts{machine, host_->hypervisor, host_->network};
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
