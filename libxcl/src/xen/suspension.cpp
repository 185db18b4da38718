// SPDX-License-Identifier: BSD-3-Clause
// What a suspended guest takes of the hypervisor: to be asked, to be read, to run on, to be made
// anew.
#include "xcl/error.hpp"
#include "xen/guest_memory.hpp"
#include "xen/hypervisor.hpp"
#include "xen/restored_memory.hpp"
#include "xen/vcpu_state.hpp"

namespace xcl::xen {
namespace {

// The control domain's end of an event channel.
class BoundChannel {
  public:
    BoundChannel(Hypercalls& hypercalls, DomainId id, EventPort port) : hypercalls_(hypercalls) {
        auto& binding = hypercalls.argument<evtchn_bind_interdomain>();
        binding.remote_dom = id.value();
        binding.remote_port = port;
        if (hypercalls.event_channel_op(EVTCHNOP_bind_interdomain, &binding) != 0)
            throw_failed(id, "bind its event channel", "EVTCHNOP_bind_interdomain");
        port_ = binding.local_port;
    }
    BoundChannel(const BoundChannel&) = delete;
    BoundChannel& operator=(const BoundChannel&) = delete;
    ~BoundChannel() {
        auto& closing = hypercalls_.argument<evtchn_close>();
        closing.port = port_;
        static_cast<void>(hypercalls_.event_channel_op(EVTCHNOP_close, &closing));
    }

    [[nodiscard]] EventPort port() const { return port_; }

  private:
    Hypercalls& hypercalls_;
    EventPort port_ = 0;
};

}  // namespace

// The kernel learns nothing of the channel and need not: nothing is received on it.
void XenHypervisor::notify(DomainId id, EventPort port) {
    const Stopwatch::Span span = stopwatch_.hypervisor();
    Hypercalls& hypercalls = handles_.hypercalls;
    const BoundChannel channel(hypercalls, id, port);
    auto& sending = hypercalls.argument<evtchn_send>();
    sending.port = channel.port();
    if (hypercalls.event_channel_op(EVTCHNOP_send, &sending) != 0)
        throw_failed(id, "notify it", "EVTCHNOP_send");
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
