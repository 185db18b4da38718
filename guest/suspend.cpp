// SPDX-License-Identifier: BSD-3-Clause
// Suspend: hands the domain to a toolstack, and takes it back.
#include "suspend.hpp"

#include "hypercall.hpp"
#include "text.hpp"

namespace guest {

namespace {
constexpr domid_t toolstack_domain = 0;
}  // namespace

Suspend::Suspend(start_info& boot, shared_info& shared, Memory& memory, Events& events,
                 Grants& grants, bool unmaps)
    : unmaps_(unmaps),
      boot_(&boot),
      shared_(&shared),
      events_(&events),
      memory_(&memory),
      grants_(&grants),
      frame_list_(memory) {
    frame_list_.publish(shared);
}

void Suspend::offer_channel(XenStore& store) {
    const Port port = events_->open(
        toolstack_domain, [](void* self) { static_cast<Suspend*>(self)->request(); }, this);
    if (port != 0 && !store.write("device/suspend/event-channel", Text{}.decimal(port).view()).ok)
        events_->close(port);
}

bool Suspend::request() {
    requested_ = frame_list_.complete();
    return requested_;
}

// What names machine frames, and would name a stranger's in another domain, is taken away:
// start_info has page frames until it is written anew, and of what is not the guest's own memory no
// page-table entry is left, as toolstacks can translate none.
Suspend::End Suspend::suspend() {
    requested_ = false;
    const xen_pfn_t store = boot_->store_mfn;
    const xen_pfn_t console = boot_->console.domU.mfn;
    boot_->store_mfn = Memory::page_frame(store);
    if (console != 0)
        boot_->console.domU.mfn = Memory::page_frame(console);
    if (unmaps_) {
        grants_->unmap();
        Memory::unmap_machine(shared_);
    }

    sched_shutdown why{SHUTDOWN_suspend};
    const bool same_domain = hypercall<__HYPERVISOR_sched_op>(SCHEDOP_shutdown, address_of(&why),
                                                              memory_->machine_frame(boot_)) != 0;

    Memory::map_machine_at(shared_, boot_->shared_info);
    grants_->map_again();
    const End end = same_domain ? End::cancelled : End::resumed;
    ++times_[static_cast<unsigned>(end)];
    if (same_domain) {
        boot_->store_mfn = store;
        boot_->console.domU.mfn = console;
    } else {
        frame_list_.publish(*shared_);
        events_->start_afresh();
    }
    return end;
}

}  // namespace guest
