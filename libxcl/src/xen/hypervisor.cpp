// SPDX-License-Identifier: BSD-3-Clause
// The control operations: a domain's life, its limits, and what Xen says of it.
#include "xen/hypervisor.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "core/stopwatch.hpp"
#include "record/label.hpp"
#include "xcl/error.hpp"
#include "xen/builder.hpp"

namespace xcl::xen {
namespace {

constexpr std::uint64_t kib_per_page = kernel::page_size / 1024;

// Event channels a guest may have: two, and up to three a vif; libxl's own choice.
constexpr std::uint32_t max_event_port = 1023;
// Grant frames: 512 grants each. A netfront takes 512 + a few, so 4 leave room for several.
constexpr std::int32_t max_grant_frames = 4;
// Nobody maps grants of others in a guest that is no backend.
constexpr std::int32_t max_maptrack_frames = 1;

std::optional<ShutdownReason> reason_of(const xc_domaininfo_t& raw) {
    if ((raw.flags & XEN_DOMINF_shutdown) == 0)
        return std::nullopt;
    return static_cast<ShutdownReason>((raw.flags >> XEN_DOMINF_shutdownshift) &
                                       XEN_DOMINF_shutdownmask);
}

DomainState state_of(std::uint32_t flags) {
    if ((flags & XEN_DOMINF_dying) != 0)
        return DomainState::dying;
    if ((flags & XEN_DOMINF_shutdown) != 0)
        return DomainState::shutdown;
    if ((flags & XEN_DOMINF_paused) != 0)
        return DomainState::paused;
    if ((flags & XEN_DOMINF_blocked) != 0)
        return DomainState::blocked;
    return DomainState::running;
}

DomainInfo converted(const xc_domaininfo_t& raw) {
    DomainInfo info{.id = DomainId(raw.domain),
                    .state = state_of(raw.flags),
                    .reason = reason_of(raw),
                    .paravirtualised = (raw.flags & XEN_DOMINF_hvm_guest) == 0,
                    .vcpus = static_cast<std::uint16_t>(raw.nr_online_vcpus),
                    .memory_kib = raw.tot_pages * kib_per_page,
                    .max_memory_kib = raw.max_pages * kib_per_page,
                    .cpu_time = std::chrono::nanoseconds(raw.cpu_time),
                    .uuid = {},
                    .ours = false,
                    .unfinished = false};
    std::copy(std::begin(raw.handle), std::end(raw.handle), info.uuid.begin());
    if (const std::optional<Label> label = read_label(info.uuid)) {
        info.ours = true;
        info.unfinished = label->maker.has_value();
    }
    return info;
}

}  // namespace

XenHypervisor::XenHypervisor(Timings& timings, Log log)
    : timings_(timings),
      handles_([&] {
          const Span span(timings.hypervisor);
          return Handles(std::move(log));
      }()),
      buffer_(handles_.call.get(), builder_buffer_bytes) {}

HostMemory XenHypervisor::host_memory() {
    const Span span(timings_.hypervisor);
    xc_physinfo_t host{};
    if (xc_physinfo(handles_.control.get(), &host) != 0)
        throw_failed(control_domain, "ask for the host's memory", "XEN_SYSCTL_physinfo");
    return {.total_pages = host.total_pages, .free_pages = host.free_pages};
}

DomainId XenHypervisor::create_domain(const NewDomain& domain) {
    const Span span(timings_.hypervisor);
    xc_interface* const control = handles_.control.get();
    xen_domctl_createdomain config{};
    std::copy(domain.uuid.begin(), domain.uuid.end(), std::begin(config.handle));
    config.max_vcpus = domain.vcpus;
    config.max_evtchn_port = max_event_port;
    config.max_grant_frames = max_grant_frames;
    config.max_maptrack_frames = max_maptrack_frames;
    config.grant_opts = XEN_DOMCTL_GRANT_version(1);

    std::uint32_t id = 0;  // 0: Xen chooses
    if (xc_domain_create(control, &id, &config) != 0) {
        const int error = errno;
        throw Error({.doing = "create a domain",
                     .call = "XEN_DOMCTL_createdomain",
                     .error = error,
                     .hint = error == EPERM ? "only the control domain may do this" : ""});
    }
    const DomainId created(static_cast<std::uint16_t>(id));

    const auto undo_and_throw = [&](std::string_view doing, std::string_view call) {
        const int error = errno;
        xc_domain_destroy(control, id);
        errno = error;
        throw_failed(created, doing, call);
    };
    if (xc_domain_max_vcpus(control, id, domain.vcpus) != 0)
        undo_and_throw("give it its vCPUs", "XEN_DOMCTL_max_vcpus");
    if (xc_domain_setmaxmem(control, id, domain.memory_pages * kib_per_page) != 0)
        undo_and_throw("limit its memory", "XEN_DOMCTL_max_mem");
    return created;
}

void XenHypervisor::set_affinity(DomainId id, std::uint16_t vcpu, const CpuList& cpus) {
    const Span span(timings_.hypervisor);
    xc_interface* const control = handles_.control.get();
    const int bytes = xc_get_cpumap_size(control);
    if (bytes <= 0)
        throw_failed(id, "ask for the number of CPUs", "XEN_SYSCTL_physinfo");
    std::vector<std::uint8_t> map(static_cast<std::size_t>(bytes));
    for (const std::uint16_t cpu : cpus)
        if (cpu / 8U < map.size())
            map[cpu / 8U] = static_cast<std::uint8_t>(map[cpu / 8U] | 1U << cpu % 8U);
    // Xen writes back into the map what it made of it.
    if (xc_vcpu_setaffinity(control, id.value(), vcpu, map.data(), nullptr,
                            XEN_VCPUAFFINITY_HARD) != 0) {
        const int error = errno;
        throw Error({.domain = id,
                     .doing = fmt::format("pin its vCPU {}", vcpu),
                     .call = "XEN_DOMCTL_setvcpuaffinity",
                     .error = error,
                     .hint = error == EINVAL ? "does the host have the CPUs of 'cpus'?" : ""});
    }
}

EventPort XenHypervisor::allocate_event_channel(DomainId id) {
    const Span span(timings_.hypervisor);
    const int port =
        xc_evtchn_alloc_unbound(handles_.control.get(), id.value(), control_domain.value());
    if (port < 0)
        throw_failed(id, "make an event channel for it", "EVTCHNOP_alloc_unbound");
    return static_cast<EventPort>(port);
}

RingFrames XenHypervisor::build(DomainId id, const BootPlan& plan) {
    const Span span(timings_.hypervisor);
    return build_domain(handles_, buffer_, id, plan);
}

void XenHypervisor::set_uuid(DomainId id, const Uuid& uuid) {
    const Span span(timings_.hypervisor);
    xen_domain_handle_t handle{};
    std::copy(uuid.begin(), uuid.end(), std::begin(handle));
    if (xc_domain_sethandle(handles_.control.get(), id.value(), handle) != 0)
        throw_failed(id, "label it", "XEN_DOMCTL_setdomainhandle");
}

void XenHypervisor::pause(DomainId id) {
    const Span span(timings_.hypervisor);
    if (xc_domain_pause(handles_.control.get(), id.value()) != 0)
        throw_failed(id, "pause it", "XEN_DOMCTL_pausedomain");
}

void XenHypervisor::unpause(DomainId id) {
    const Span span(timings_.hypervisor);
    if (xc_domain_unpause(handles_.control.get(), id.value()) != 0)
        throw_failed(id, "unpause it", "XEN_DOMCTL_unpausedomain");
}

void XenHypervisor::destroy(DomainId id) {
    const Span span(timings_.hypervisor);
    if (xc_domain_destroy(handles_.control.get(), id.value()) != 0 && errno != ESRCH)
        throw_failed(id, "destroy it", "XEN_DOMCTL_destroydomain");
}

std::optional<DomainInfo> XenHypervisor::info(DomainId id) {
    const Span span(timings_.hypervisor);
    xc_domaininfo_t raw{};
    const int count = xc_domain_getinfolist(handles_.control.get(), id.value(), 1, &raw);
    if (count < 0)
        throw_failed(id, "ask for its state", "XEN_SYSCTL_getdomaininfolist");
    // Xen answers with the next domain when there is none of this id.
    if (count == 0 || raw.domain != id.value())
        return std::nullopt;
    return converted(raw);
}

std::vector<DomainInfo> XenHypervisor::list() {
    const Span span(timings_.hypervisor);
    constexpr std::size_t chunk = 128;  // 14 KiB; more guests take further hypercalls
    std::vector<xc_domaininfo_t> raw(chunk);
    std::vector<DomainInfo> domains;
    std::uint32_t next = 0;
    for (;;) {
        const int count = xc_domain_getinfolist(handles_.control.get(), next, chunk, raw.data());
        if (count < 0)
            throw_failed(control_domain, "list the domains", "XEN_SYSCTL_getdomaininfolist");
        for (int i = 0; i < count; ++i)
            domains.push_back(converted(raw[static_cast<std::size_t>(i)]));
        if (static_cast<std::size_t>(count) < chunk)
            return domains;
        next = domains.back().id.value() + 1U;
    }
}

}  // namespace xcl::xen
