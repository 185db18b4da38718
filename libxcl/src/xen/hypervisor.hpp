// SPDX-License-Identifier: BSD-3-Clause
// XenHypervisor: the Hypervisor port on the running Xen.
#pragma once

#include "core/stopwatch.hpp"
#include "ports/hypervisor.hpp"
#include "xen/handles.hpp"

namespace xcl::xen {

class XenHypervisor final : public Hypervisor {
  public:
    // Has its time taken by `stopwatch`, which outlives it.
    XenHypervisor(Stopwatch& stopwatch, Log log);

    HostInfo host_info() override;
    DomainId create_domain(const NewDomain& domain) override;
    void set_affinity(DomainId id, std::uint16_t vcpu, const CpuList& cpus) override;
    std::vector<std::optional<CpuList>> affinities(std::span<const VcpuId> vcpus) override;
    EventPort allocate_event_channel(DomainId id) override;
    RingFrames build(DomainId id, const BootPlan& plan) override;
    std::unique_ptr<GuestMemory> open_memory(DomainId id) override;
    std::unique_ptr<RestoredMemory> restore(DomainId id, std::uint64_t pfn_end,
                                            std::span<const std::uint64_t> owned) override;
    void require_libxenguest() override;
    void save_by_libxenguest(DomainId id, const StreamSink& sink) override;
    RingFrames restore_by_libxenguest(DomainId id, EventPort store_port, EventPort console_port,
                                      const StreamSource& source) override;
    std::unique_ptr<SuspensionEvents> hear_suspension(DomainId id, EventPort port) override;
    void tell_store_of_suspension(DomainId id) override;
    void resume(DomainId id) override;
    void set_uuid(DomainId id, const Uuid& uuid) override;
    void pause(DomainId id) override;
    void unpause(DomainId id) override;
    void destroy(DomainId id) override;
    std::optional<DomainInfo> info(DomainId id) override;
    std::vector<DomainInfo> list() override;

  private:
    [[nodiscard]] HostInfo ask_host();
    // The first domains from that id on, at most that many; valid until the next hypercall.
    std::span<const xen_domctl_getdomaininfo> ask(std::uint32_t first, std::uint32_t most);

    Stopwatch& stopwatch_;
    Handles handles_;
};

}  // namespace xcl::xen
