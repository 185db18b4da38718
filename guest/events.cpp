// SPDX-License-Identifier: BSD-3-Clause
// Events: which driver owns which event channel, who is to be called, and sleeping until then.
#include "events.hpp"

#include <bit>

#include "hypercall.hpp"

namespace guest {

namespace {
constexpr unsigned word_bits = 64;  // of xen_ulong_t

constexpr xen_ulong_t bit_of(Port port) {
    return xen_ulong_t{1} << port % word_bits;
}
}  // namespace

Events::Events(shared_info& shared) : shared_(&shared), vcpu_(&shared.vcpu_info[0]) {
    start_afresh();
}

// Upcalls stay masked but while the guest sleeps: handlers run one after another in dispatch().
void Events::start_afresh() {
    for (Binding& binding : bindings_)
        binding = {};
    __atomic_store_n(&vcpu_->evtchn_upcall_mask, 1, __ATOMIC_SEQ_CST);
    for (xen_ulong_t& word : shared_->evtchn_mask)
        __atomic_store_n(&word, ~xen_ulong_t{0}, __ATOMIC_RELAXED);
}

void Events::bind(Port port, Handler handler, void* subject) {
    add({port, handler, subject, true});
}

// An event that came while the port was masked has left it pending, in a word that is not looked
// at for that; Xen would keep silent about the port for good.
void Events::add(const Binding& binding) {
    for (Binding& place : bindings_) {
        if (place.handler != nullptr)
            continue;
        place = binding;
        const Port word = binding.port / word_bits;
        const xen_ulong_t others = ~bit_of(binding.port);
        __atomic_and_fetch(&shared_->evtchn_mask[word], others, __ATOMIC_SEQ_CST);
        __atomic_and_fetch(&shared_->evtchn_pending[word], others, __ATOMIC_SEQ_CST);
        return;
    }
    __builtin_trap();
}

Port Events::open(domid_t peer, Handler handler, void* subject) {
    evtchn_alloc_unbound offer{};
    offer.dom = DOMID_SELF;
    offer.remote_dom = peer;
    if (event_channel_op(EVTCHNOP_alloc_unbound, offer) != 0)
        return 0;
    add({offer.port, handler, subject, false});
    return offer.port;
}

void Events::close(Port port) {
    __atomic_or_fetch(&shared_->evtchn_mask[port / word_bits], bit_of(port), __ATOMIC_SEQ_CST);
    clear(port);
    evtchn_close close{port};
    event_channel_op(EVTCHNOP_close, close);
    for (Binding& binding : bindings_) {
        if (binding.port == port)
            binding = {};
    }
}

void Events::note(Port port) {
    for (Binding& binding : bindings_) {
        if (binding.port == port)
            binding.fired = binding.handler != nullptr;
    }
}

void Events::collect() {
    // Before the words are looked at, or an event in between would be lost (xen.h, vcpu_info).
    __atomic_exchange_n(&vcpu_->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST);
    xen_ulong_t words = __atomic_exchange_n(&vcpu_->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
    for (; words != 0; words &= words - 1) {
        const auto word = static_cast<unsigned>(std::countr_zero(words));
        const xen_ulong_t open = ~__atomic_load_n(&shared_->evtchn_mask[word], __ATOMIC_RELAXED);
        xen_ulong_t ports =
            __atomic_fetch_and(&shared_->evtchn_pending[word], ~open, __ATOMIC_SEQ_CST) & open;
        for (; ports != 0; ports &= ports - 1)
            note(word * word_bits + static_cast<unsigned>(std::countr_zero(ports)));
    }
}

bool Events::dispatch() {
    collect();
    bool any = false;
    for (Binding& binding : bindings_) {
        if (!binding.fired)
            continue;
        binding.fired = false;
        any = true;
        binding.handler(binding.subject);
    }
    return any;
}

void Events::sleep() {
    // Unmasks upcalls and blocks in one step; does not block if an event is pending.
    hypercall<__HYPERVISOR_sched_op>(SCHEDOP_block);
    __atomic_store_n(&vcpu_->evtchn_upcall_mask, 1, __ATOMIC_SEQ_CST);
}

void Events::wait_for(Port port, std::uint64_t deadline_ns) {
    sched_poll poll{};
    set_xen_guest_handle(poll.ports, &port);
    poll.nr_ports = 1;
    poll.timeout = deadline_ns;
    sched_op(SCHEDOP_poll, poll);
}

void Events::clear(Port port) {
    const xen_ulong_t bit = bit_of(port);
    if (__atomic_fetch_and(&shared_->evtchn_pending[port / word_bits], ~bit, __ATOMIC_SEQ_CST) &
        bit)
        note(port);
}

void Events::notify(Port port) {
    evtchn_send send{port};
    event_channel_op(EVTCHNOP_send, send);
}

}  // namespace guest
