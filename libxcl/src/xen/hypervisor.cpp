// SPDX-License-Identifier: BSD-3-Clause
// The control operations: a domain's life, its limits, and what Xen says of it.
#include "xen/hypervisor.hpp"

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "core/quietly.hpp"
#include "core/stopwatch.hpp"
#include "record/label.hpp"
#include "xcl/error.hpp"
#include "xen/builder.hpp"
#include "xen/libxenguest.hpp"

namespace xcl::xen {
namespace {

constexpr std::uint64_t kib_per_page = kernel::page_size / 1024;

// Event channels a guest may have: two, and up to three a vif; libxl's own choice.
constexpr std::uint32_t max_event_port = 1023;
// Grant frames: 512 grants each, and Xen's own limit (gnttab_max_frames). A netfront takes two and
// a queue more each; Xen makes a frame only when the guest asks for it.
constexpr std::int32_t max_grant_frames = 64;
// Nobody maps grants of others in a guest that is no backend.
constexpr std::int32_t max_maptrack_frames = 1;

std::optional<ShutdownReason> reason_of(const xen_domctl_getdomaininfo& raw) {
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

// XEN_INVALID_MAX_VCPU_ID stands for a domain that was not given any yet.
std::uint16_t vcpus_of(const xen_domctl_getdomaininfo& raw) {
    return raw.max_vcpu_id == XEN_INVALID_MAX_VCPU_ID
               ? std::uint16_t{0}
               : static_cast<std::uint16_t>(raw.max_vcpu_id + 1);
}

DomainInfo converted(const xen_domctl_getdomaininfo& raw) {
    DomainInfo info{.id = DomainId(raw.domain),
                    .state = state_of(raw.flags),
                    .reason = reason_of(raw),
                    .paravirtualised = (raw.flags & XEN_DOMINF_hvm_guest) == 0,
                    .vcpus = static_cast<std::uint16_t>(raw.nr_online_vcpus),
                    .max_vcpus = vcpus_of(raw),
                    .memory_kib = raw.tot_pages * kib_per_page,
                    .max_memory_kib = raw.max_pages * kib_per_page,
                    .cpu_time = std::chrono::nanoseconds(raw.cpu_time),
                    .uuid = {},
                    .ours = false,
                    .unfinished = false,
                    .in_doubt = false};
    std::copy(std::begin(raw.handle), std::end(raw.handle), info.uuid.begin());
    if (const std::optional<Label> label = read_label(info.uuid)) {
        info.ours = !label->foreign;
        info.unfinished = label->maker.has_value();
        info.in_doubt = label->in_doubt;
    }
    return info;
}

}  // namespace

XenHypervisor::XenHypervisor(Stopwatch& stopwatch, Log log)
    : stopwatch_(stopwatch), handles_([&] {
          const Stopwatch::Span span = stopwatch_.hypervisor();
          return Handles(std::move(log));
      }()) {}

HostInfo XenHypervisor::ask_host() {
    xen_sysctl& operation = handles_.hypercalls.sysctl(XEN_SYSCTL_physinfo);
    handles_.hypercalls.perform(operation, "ask for the host's memory and CPUs",
                                "XEN_SYSCTL_physinfo");
    const xen_sysctl_physinfo& host = operation.u.physinfo;
    return {.total_pages = host.total_pages,
            .free_pages = host.free_pages,
            .cpus = static_cast<std::uint16_t>(host.nr_cpus),
            .cpu_numbers = static_cast<std::uint16_t>(host.max_cpu_id + 1)};
}

HostInfo XenHypervisor::host_info() {
    const Stopwatch::Span span = stopwatch_.hypervisor();
    return ask_host();
}

DomainId XenHypervisor::create_domain(const NewDomain& domain) {
    const Stopwatch::Span span = stopwatch_.hypervisor();
    Hypercalls& hypercalls = handles_.hypercalls;
    // No CPU policy is set: Xen gives a PV domain the one that libxl would set (tests/host
    // compares).
    xen_domctl& creation = hypercalls.domctl(XEN_DOMCTL_createdomain, control_domain);  // 0: any id
    xen_domctl_createdomain& config = creation.u.createdomain;
    std::ranges::copy(domain.uuid, std::begin(config.handle));
    config.max_vcpus = domain.vcpus;
    config.max_evtchn_port = max_event_port;
    config.max_grant_frames = max_grant_frames;
    config.max_maptrack_frames = max_maptrack_frames;
    config.grant_opts = XEN_DOMCTL_GRANT_version(1);
    if (hypercalls.try_domctl(creation) != 0) {
        const int error = errno;
        throw Error({.doing = "create a domain",
                     .call = "XEN_DOMCTL_createdomain",
                     .error = error,
                     .hint = error == EPERM ? "only the control domain may do this" : ""});
    }
    const DomainId id(creation.domain);
    try {
        xen_domctl& vcpus = hypercalls.domctl(XEN_DOMCTL_max_vcpus, id);
        vcpus.u.max_vcpus.max = domain.vcpus;
        hypercalls.perform(vcpus, "give it its vCPUs", "XEN_DOMCTL_max_vcpus");

        xen_domctl& memory = hypercalls.domctl(XEN_DOMCTL_max_mem, id);
        memory.u.max_mem.max_memkb = domain.memory_pages * kib_per_page;
        hypercalls.perform(memory, "limit its memory", "XEN_DOMCTL_max_mem");
    } catch (const Error&) {
        destroy(id);
        throw;
    }
    return id;
}

EventPort XenHypervisor::allocate_event_channel(DomainId id) {
    const Stopwatch::Span span = stopwatch_.hypervisor();
    auto& channel = handles_.hypercalls.argument<evtchn_alloc_unbound>();
    channel.dom = id.value();
    channel.remote_dom = control_domain.value();
    if (handles_.hypercalls.event_channel_op(EVTCHNOP_alloc_unbound, &channel) != 0)
        throw_failed(id, "make an event channel for it", "EVTCHNOP_alloc_unbound");
    return channel.port;
}

RingFrames XenHypervisor::build(DomainId id, const BootPlan& plan) {
    const Stopwatch::Span span = stopwatch_.hypervisor();
    return build_domain(handles_, id, plan);
}

// Paused, since libxenguest takes a table that names memory of others for one that is still in the
// making unless the guest is, and leaves it out without a word. If this process is killed over it,
// `resume` unpauses the guest.
void XenHypervisor::save_by_libxenguest(DomainId id, const StreamSink& sink) {
    pause(id);
    try {
        xen::save_by_libxenguest(id, sink);
    } catch (...) {
        quietly([&] { unpause(id); });
        throw;
    }
    unpause(id);
}

void XenHypervisor::require_libxenguest() {
    xen::require_libxenguest();
}

RingFrames XenHypervisor::restore_by_libxenguest(DomainId id, EventPort store_port,
                                                 EventPort console_port,
                                                 const StreamSource& source) {
    return xen::restore_by_libxenguest(id, store_port, console_port, source);
}

void XenHypervisor::set_uuid(DomainId id, const Uuid& uuid) {
    const Stopwatch::Span span = stopwatch_.hypervisor();
    xen_domctl& operation = handles_.hypercalls.domctl(XEN_DOMCTL_setdomainhandle, id);
    std::ranges::copy(uuid, std::begin(operation.u.setdomainhandle.handle));
    handles_.hypercalls.perform(operation, "label it", "XEN_DOMCTL_setdomainhandle");
}

void XenHypervisor::pause(DomainId id) {
    const Stopwatch::Span span = stopwatch_.hypervisor();
    handles_.hypercalls.perform(handles_.hypercalls.domctl(XEN_DOMCTL_pausedomain, id), "pause it",
                                "XEN_DOMCTL_pausedomain");
}

void XenHypervisor::unpause(DomainId id) {
    const Stopwatch::Span span = stopwatch_.hypervisor();
    handles_.hypercalls.perform(handles_.hypercalls.domctl(XEN_DOMCTL_unpausedomain, id),
                                "unpause it", "XEN_DOMCTL_unpausedomain");
}

void XenHypervisor::destroy(DomainId id) {
    const Stopwatch::Span span = stopwatch_.hypervisor();
    Hypercalls& hypercalls = handles_.hypercalls;
    long result = 0;
    do  // a large domain dies in several calls
        result = hypercalls.try_domctl(hypercalls.domctl(XEN_DOMCTL_destroydomain, id));
    while (result != 0 && errno == EAGAIN);
    if (result != 0 && errno != ESRCH)
        throw_failed(id, "destroy it", "XEN_DOMCTL_destroydomain");
}

std::span<const xen_domctl_getdomaininfo> XenHypervisor::ask(std::uint32_t first,
                                                             std::uint32_t most) {
    Hypercalls& hypercalls = handles_.hypercalls;
    const auto domains = hypercalls.payload<xen_domctl_getdomaininfo>(most);
    xen_sysctl& operation = hypercalls.sysctl(XEN_SYSCTL_getdomaininfolist);
    xen_sysctl_getdomaininfolist& list = operation.u.getdomaininfolist;
    list.first_domain = static_cast<domid_t>(first);
    list.max_domains = most;
    set_xen_guest_handle_raw(list.buffer, domains.data());
    hypercalls.perform(operation, "ask for the state of domains", "XEN_SYSCTL_getdomaininfolist");
    return domains.first(list.num_domains);
}

std::optional<DomainInfo> XenHypervisor::info(DomainId id) {
    const Stopwatch::Span span = stopwatch_.hypervisor();
    // Xen answers with the next domain when there is none of this id.
    const auto domains = ask(id.value(), 1);
    if (domains.empty() || domains.front().domain != id.value())
        return std::nullopt;
    return converted(domains.front());
}

std::vector<DomainInfo> XenHypervisor::list() {
    const Stopwatch::Span span = stopwatch_.hypervisor();
    constexpr std::uint32_t most = Hypercalls::payload_bytes / sizeof(xen_domctl_getdomaininfo);
    std::vector<DomainInfo> domains;
    std::uint32_t next = 0;
    for (;;) {
        const auto some = ask(next, most);
        std::ranges::transform(some, std::back_inserter(domains), converted);
        if (some.size() < most)
            return domains;
        next = some.back().domain + 1U;
    }
}

}  // namespace xcl::xen
