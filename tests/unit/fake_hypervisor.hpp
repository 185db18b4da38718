// SPDX-License-Identifier: BSD-3-Clause
// FakeHypervisor: domains without Xen. They have states, memory and event channels, and the calls
// refuse what Xen refuses.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "faults.hpp"
#include "ports/hypervisor.hpp"

namespace xcl::test {

// What a guest holds, as an image has it. Of its pages only those that are not zero.
struct FakeMemory {
    std::map<std::uint64_t, std::vector<std::byte>> contents = {};  // by PFN
    std::vector<image::PageId> pages = {};
    image::MachineState state = {};
    bool names_strangers = false;  // one of its tables names a frame that is not its own
    std::string declined = {};     // why it cannot be read page by page

    friend bool operator==(const FakeMemory&, const FakeMemory&) = default;
};

// A guest of that size which can be suspended, and whose pages differ.
[[nodiscard]] FakeMemory some_memory(std::uint64_t pages, std::uint16_t vcpus);

struct FakeDomain {
    Uuid uuid{};
    std::uint16_t vcpus = 1;
    std::uint64_t pages = 0;
    std::uint64_t max_pages = 0;
    std::map<std::uint16_t, CpuList> affinity = {};  // of pinned vCPUs
    EventPort ports = 0;                             // allocated: 1 up to this
    bool built = false;
    std::string cmdline = {};
    std::size_t ramdisk_bytes = 0;
    unsigned pauses = 1;  // a new domain is paused once (xen/domctl.h)
    std::chrono::nanoseconds cpu_time{0};
    std::optional<ShutdownReason> ended = {};
    bool dying = false;
    unsigned cancelled = 0;  // its suspensions that were
    unsigned notified = 0;   // on its suspend_port
    std::optional<EventPort> suspend_port = {};
    bool suspends_unheard = false;  // by the store's daemon: somebody listens, or did
    FakeMemory memory = {};
    bool memory_held = false;  // somebody maps its memory: destroyed, it stays as dying

    friend bool operator==(const FakeDomain&, const FakeDomain&) = default;
};

class FakeHypervisor final : public Hypervisor {
  public:
    // With the control domain in it.
    explicit FakeHypervisor(Faults& faults);

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
    // The stream of this libxenguest is an image with pages.
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

    // The guest ends by itself.
    void end(DomainId id, ShutdownReason reason);
    // Another process destroys it.
    void vanish(DomainId id);

    [[nodiscard]] FakeDomain& domain(DomainId id) { return domains.at(id.value()); }
    [[nodiscard]] bool exists(DomainId id) const { return domains.contains(id.value()); }

    std::map<std::uint16_t, FakeDomain> domains;
    std::uint64_t free_pages = std::uint64_t{1} << 20;  // 4 GiB
    std::uint16_t host_cpus = 8;
    std::set<std::uint16_t> parked_cpus;  // of those, the ones that are off
    std::uint16_t next_id = 1;
    std::vector<std::string> calls;  // "pause 5"
    // What the store's daemon hears of (VIRQ_DOM_EXC): a domain ended, or is gone.
    std::function<void(std::uint16_t)> on_end = [](std::uint16_t) {};
    // It is asked by its channel, and runs on after a suspension that was cancelled.
    std::function<void(std::uint16_t)> on_notify = [](std::uint16_t) {};
    // What happens, one after the other, while somebody listens to a guest's suspension.
    std::deque<std::function<void()>> while_listening;
    unsigned heard = 0;  // SuspensionEvents that are there
    std::function<void(std::uint16_t)> on_unpause = [](std::uint16_t) {};  // it runs

  private:
    friend class FakeSuspensionEvents;
    friend class FakeGuestMemory;
    friend class FakeRestoredMemory;

    // The domain takes so many pages, or, if that fails, what it may have of them.
    void give_pages(DomainId id, std::uint64_t pages);
    // Counts and records the call and throws if it is to fail.
    void begin(const std::string& name, const std::string& call);
    // The same for a call on a domain; throws like Xen if there is none.
    FakeDomain& begin(const std::string& name, DomainId id);

    Faults& faults_;
};

// The frame that build returns for the ring of this domain.
[[nodiscard]] std::uint64_t xenstore_frame(DomainId id);
[[nodiscard]] std::uint64_t console_frame(DomainId id);

}  // namespace xcl::test
