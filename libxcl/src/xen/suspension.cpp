// SPDX-License-Identifier: BSD-3-Clause
// What a suspended guest takes of the hypervisor: to be asked and heard of, to be read, to run on,
// to be made anew.
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/descriptor.hpp"
#include "core/poll_until.hpp"
#include "xcl/error.hpp"
#include "xen/guest_memory.hpp"
#include "xen/hypervisor.hpp"
#include "xen/restored_memory.hpp"
#include "xen/vcpu_state.hpp"

// After Xen's own types.
#include <xen/sys/evtchn.h>

namespace xcl::xen {
namespace {

constexpr const char* hearing = "hear of its suspension";
constexpr const char* subscribing = "XEN_DOMCTL_subscribe";

// In place of VIRQ_DOM_EXC, Xen then sends an event from that port when the guest suspends; with
// port 0 no longer. Xen keeps it when the process that asked for it ends.
xen_domctl& subscription(Hypercalls& hypercalls, DomainId id, EventPort port) {
    xen_domctl& operation = hypercalls.domctl(XEN_DOMCTL_subscribe, id);
    operation.u.subscribe.port = port;
    return operation;
}

// The control domain's end of an event channel, as the kernel tells of its events.
class BoundChannel {
  public:
    BoundChannel(DomainId id, EventPort port)
        : device_(open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC | O_NONBLOCK)) {
        if (!device_.is_open())
            throw_failed(id, hearing, "open /dev/xen/evtchn");
        ioctl_evtchn_bind_interdomain binding{.remote_domain = id.value(), .remote_port = port};
        const int bound = ioctl(device_.get(), IOCTL_EVTCHN_BIND_INTERDOMAIN, &binding);
        if (bound < 0)
            throw_failed(id, hearing, "IOCTL_EVTCHN_BIND_INTERDOMAIN");
        port_ = static_cast<EventPort>(bound);
    }

    [[nodiscard]] bool send() const {
        ioctl_evtchn_notify sending{.port = port_};
        return ioctl(device_.get(), IOCTL_EVTCHN_NOTIFY, &sending) == 0;
    }

    [[nodiscard]] bool wait(DomainId id, std::chrono::steady_clock::time_point deadline) const {
        const int count = poll_until(device_.get(), POLLIN, deadline);
        if (count < 0)
            throw_failed(id, hearing, "poll");
        if (count > 0)
            take_event(id);
        return count > 0;
    }

  private:
    // The port that is read is written back: only then it may come again.
    void take_event(DomainId id) const {
        EventPort port = 0;
        if (read(device_.get(), &port, sizeof port) != sizeof port ||
            write(device_.get(), &port, sizeof port) != sizeof port)
            throw_failed(id, hearing, "take an event of /dev/xen/evtchn");
    }

    Descriptor device_;
    EventPort port_ = 0;
};

class XenSuspensionEvents final : public SuspensionEvents {
  public:
    XenSuspensionEvents(Hypercalls& hypercalls, Stopwatch& stopwatch, DomainId id, EventPort port)
        : hypercalls_(hypercalls), stopwatch_(stopwatch), id_(id), channel_(id, port) {
        hypercalls_.perform(subscription(hypercalls_, id, port), hearing, subscribing);
    }
    XenSuspensionEvents(const XenSuspensionEvents&) = delete;
    XenSuspensionEvents& operator=(const XenSuspensionEvents&) = delete;
    ~XenSuspensionEvents() override {
        static_cast<void>(hypercalls_.try_domctl(subscription(hypercalls_, id_, 0)));
    }

    void notify() override {
        const Stopwatch::Span span = stopwatch_.hypervisor();
        if (!channel_.send())
            throw_failed(id_, "notify it", "IOCTL_EVTCHN_NOTIFY");
    }

    bool wait(std::chrono::steady_clock::time_point deadline) override {
        const Stopwatch::Span span = stopwatch_.hypervisor();
        return channel_.wait(id_, deadline);
    }

  private:
    Hypercalls& hypercalls_;
    Stopwatch& stopwatch_;
    DomainId id_;
    BoundChannel channel_;
};

}  // namespace

std::unique_ptr<SuspensionEvents> XenHypervisor::hear_suspension(DomainId id, EventPort port) {
    const Stopwatch::Span span = stopwatch_.hypervisor();
    return std::make_unique<XenSuspensionEvents>(handles_.hypercalls, stopwatch_, id, port);
}

void XenHypervisor::tell_store_of_suspension(DomainId id) {
    const Stopwatch::Span span = stopwatch_.hypervisor();
    Hypercalls& hypercalls = handles_.hypercalls;
    hypercalls.perform(subscription(hypercalls, id, 0), hearing, subscribing);
}

void XenHypervisor::resume(DomainId id) {
    const Stopwatch::Span span = stopwatch_.hypervisor();
    Hypercalls& hypercalls = handles_.hypercalls;
    xen_domctl& question = hypercalls.domctl(XEN_DOMCTL_getdomaininfo, id);
    hypercalls.perform(question, "resume it", "XEN_DOMCTL_getdomaininfo");
    const std::uint32_t flags = question.u.getdomaininfo.flags;
    if ((flags & XEN_DOMINF_shutdown) == 0 ||
        ((flags >> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask) !=
            static_cast<unsigned>(ShutdownReason::suspend))
        throw Error({.domain = id, .doing = "resume it", .problem = "it is not suspended"});
    mark_cancelled(hypercalls, id);
    hypercalls.perform(hypercalls.domctl(XEN_DOMCTL_resumedomain, id), "resume it",
                       "XEN_DOMCTL_resumedomain");
    // By save_by_libxenguest, in processes that were killed over it.
    if ((flags & XEN_DOMINF_paused) == 0)
        return;
    while (hypercalls.try_domctl(hypercalls.domctl(XEN_DOMCTL_unpausedomain, id)) == 0) {
    }
}

std::unique_ptr<GuestMemory> XenHypervisor::open_memory(DomainId id) {
    const Stopwatch::Span span = stopwatch_.hypervisor();
    return std::make_unique<XenGuestMemory>(handles_, stopwatch_, id);
}

std::unique_ptr<RestoredMemory> XenHypervisor::restore(DomainId id, std::uint64_t pfn_end,
                                                       std::span<const std::uint64_t> owned) {
    const Stopwatch::Span span = stopwatch_.hypervisor();
    return std::make_unique<XenRestoredMemory>(handles_, stopwatch_, id, pfn_end, owned);
}

}  // namespace xcl::xen
