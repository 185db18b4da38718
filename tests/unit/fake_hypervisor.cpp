// SPDX-License-Identifier: BSD-3-Clause
// The calls of the Hypervisor port on a table of domains.
#include "fake_hypervisor.hpp"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "record/label.hpp"
#include "xcl/error.hpp"

namespace xcl::test {
namespace {

constexpr std::uint64_t kib_per_page = kernel::page_size / 1024;
constexpr EventPort max_port = 1023;  // what the toolstack asks Xen for
constexpr unsigned max_pauses = 255;  // Xen's own limit

[[noreturn]] void refuse(const std::string& call, int error) {
    throw Error({.doing = "do what a test asks", .call = call, .error = error});
}

DomainState state_of(const FakeDomain& domain) {
    if (domain.dying)
        return DomainState::dying;
    if (domain.ended)
        return DomainState::shutdown;
    return domain.pauses > 0 ? DomainState::paused : DomainState::blocked;
}

DomainInfo info_of(std::uint16_t id, const FakeDomain& domain) {
    const std::optional<Label> label = read_label(domain.uuid);
    return {.id = DomainId(id),
            .state = state_of(domain),
            .reason = domain.ended,
            .paravirtualised = true,
            .vcpus = domain.vcpus,
            .max_vcpus = domain.vcpus,
            .memory_kib = domain.pages * kib_per_page,
            .max_memory_kib = domain.max_pages * kib_per_page,
            .cpu_time = domain.cpu_time,
            .uuid = domain.uuid,
            .ours = label && !label->foreign,
            .unfinished = label && label->maker,
            .in_doubt = label && label->in_doubt};
}

}  // namespace

std::uint64_t xenstore_frame(DomainId id) {
    return 0x10000U + id.value() * 16U;
}

std::uint64_t console_frame(DomainId id) {
    return xenstore_frame(id) + 1;
}

FakeHypervisor::FakeHypervisor(Faults& faults) : faults_(faults) {
    domains[0].pauses = 0;
    domains[0].built = true;
}

void FakeHypervisor::begin(const std::string& name, const std::string& call) {
    calls.push_back(call);
    if (const int error = faults_.pass(name); error != 0)
        refuse(name, error);
}

FakeDomain& FakeHypervisor::begin(const std::string& name, DomainId id) {
    begin(name, fmt::format("{} {}", name, id.value()));
    const auto found = domains.find(id.value());
    if (found == domains.end())
        throw Error({.kind = ErrorKind::no_such_guest, .domain = id, .problem = "no such guest"});
    return found->second;
}

HostInfo FakeHypervisor::host_info() {
    begin("host_info", "host_info");
    return {.total_pages = std::uint64_t{1} << 21,
            .free_pages = free_pages,
            .cpus = static_cast<std::uint16_t>(host_cpus - parked_cpus.size()),
            .cpu_numbers = host_cpus};
}

DomainId FakeHypervisor::create_domain(const NewDomain& domain) {
    begin("create_domain", "create_domain");
    if (domain.vcpus == 0 || domain.memory_pages == 0)
        refuse("create_domain", EINVAL);
    const DomainId id(next_id++);
    domains[id.value()] = {
        .uuid = domain.uuid, .vcpus = domain.vcpus, .max_pages = domain.memory_pages};
    return id;
}

void FakeHypervisor::set_affinity(DomainId id, std::uint16_t vcpu, const CpuList& cpus) {
    FakeDomain& domain = begin("set_affinity", id);
    const bool any_online = std::ranges::any_of(
        cpus, [&](auto cpu) { return cpu < host_cpus && !parked_cpus.contains(cpu); });
    if (vcpu >= domain.vcpus || (!cpus.empty() && !any_online))
        refuse("set_affinity", EINVAL);
    domain.affinity[vcpu] = cpus;
    if (cpus.empty())
        domain.affinity.erase(vcpu);
}

std::vector<std::optional<CpuList>> FakeHypervisor::affinities(std::span<const VcpuId> vcpus) {
    begin("affinities", "affinities");
    std::vector<std::optional<CpuList>> answers;
    for (const auto& [id, vcpu] : vcpus) {
        const auto found = domains.find(id.value());
        if (found == domains.end() || vcpu >= found->second.vcpus) {
            answers.emplace_back();
        } else {
            const auto pinned = found->second.affinity.find(vcpu);
            answers.emplace_back(pinned == found->second.affinity.end() ? CpuList{}
                                                                        : pinned->second);
        }
    }
    return answers;
}

EventPort FakeHypervisor::allocate_event_channel(DomainId id) {
    FakeDomain& domain = begin("allocate_event_channel", id);
    if (domain.ports == max_port)
        refuse("allocate_event_channel", ENOSPC);
    return ++domain.ports;
}

RingFrames FakeHypervisor::build(DomainId id, const BootPlan& plan) {
    // A build that fails has given the domain memory.
    if (exists(id)) {
        domain(id).pages = std::min(domain(id).max_pages, plan.layout.total_pages);
        free_pages -= domain(id).pages;
    }
    FakeDomain& domain = begin("build", id);
    const auto is_port = [&](EventPort port) { return port >= 1 && port <= domain.ports; };
    const bool ports_exist =
        is_port(plan.store_port) && (!plan.console_port || is_port(*plan.console_port));
    if (plan.layout.total_pages > domain.max_pages)
        refuse("build", ENOMEM);
    if (!ports_exist || plan.kernel.segments.empty())
        refuse("build", EINVAL);
    domain.built = true;
    domain.memory = some_memory(domain.pages, domain.vcpus);
    domain.cmdline = plan.cmdline;
    domain.ramdisk_bytes = plan.ramdisk.size();
    return {.xenstore = xenstore_frame(id), .console = plan.console_port ? console_frame(id) : 0};
}

void FakeHypervisor::set_uuid(DomainId id, const Uuid& uuid) {
    begin("set_uuid", id).uuid = uuid;
}

void FakeHypervisor::pause(DomainId id) {
    FakeDomain& domain = begin("pause", id);
    if (domain.pauses == max_pauses)
        refuse("pause", EOVERFLOW);
    ++domain.pauses;
}

void FakeHypervisor::unpause(DomainId id) {
    FakeDomain& domain = begin("unpause", id);
    if (domain.pauses == 0)
        refuse("unpause", EINVAL);
    if (--domain.pauses == 0)
        on_unpause(id.value());
}

void FakeHypervisor::destroy(DomainId id) {
    begin("destroy", fmt::format("destroy {}", id.value()));
    vanish(id);
}

std::optional<DomainInfo> FakeHypervisor::info(DomainId id) {
    begin("info", fmt::format("info {}", id.value()));
    const auto found = domains.find(id.value());
    if (found == domains.end())
        return std::nullopt;
    return info_of(id.value(), found->second);
}

std::vector<DomainInfo> FakeHypervisor::list() {
    begin("list", "list");
    std::vector<DomainInfo> all;
    for (const auto& [id, domain] : domains)
        all.push_back(info_of(id, domain));
    return all;
}

void FakeHypervisor::end(DomainId id, ShutdownReason reason) {
    domain(id).ended = reason;
    if (reason != ShutdownReason::suspend || !domain(id).suspends_unheard)
        on_end(id.value());
}

void FakeHypervisor::vanish(DomainId id) {
    const auto found = domains.find(id.value());
    if (found == domains.end())
        return;
    if (found->second.memory_held) {
        found->second.dying = true;
    } else {
        free_pages += found->second.pages;
        domains.erase(found);
    }
    on_end(id.value());
}

}  // namespace xcl::test
