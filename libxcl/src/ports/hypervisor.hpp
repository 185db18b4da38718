// SPDX-License-Identifier: BSD-3-Clause
// Hypervisor: the seam to Xen. Verbs know only this; xen/ implements it, tests fake it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "image/machine_state.hpp"
#include "kernel/image.hpp"
#include "kernel/layout.hpp"
#include "xcl/domain_id.hpp"
#include "xcl/domain_info.hpp"
#include "xcl/error.hpp"
#include "xcl/guest_config.hpp"

namespace xcl {

// A port number in the guest's event channel table.
using EventPort = std::uint32_t;

struct HostInfo {
    std::uint64_t total_pages = 0;
    std::uint64_t free_pages = 0;
    std::uint16_t cpus = 1;         // online
    std::uint16_t cpu_numbers = 1;  // every CPU's number is less; more than `cpus` if some are off
};

struct VcpuId {
    DomainId domain{0};
    std::uint16_t vcpu = 0;
};

struct NewDomain {
    Uuid uuid{};
    std::uint16_t vcpus = 1;
    std::uint64_t memory_pages = 0;  // also the most it may ever own
};

// Everything that lies in a guest's memory when its first instruction runs.
struct BootPlan {
    const kernel::KernelImage& kernel;
    std::span<const std::byte> ramdisk;
    const kernel::BootLayout& layout;
    std::string_view cmdline;
    EventPort store_port = 0;
    std::optional<EventPort> console_port;  // none: the guest has no console
};

// Machine frames of the two rings that daemons in the control domain map.
struct RingFrames {
    std::uint64_t xenstore = 0;
    std::uint64_t console = 0;  // 0 without a console
};

// A guest whose memory cannot be read page by page, although it may be in order: libxenguest, with
// its table of the whole machine, may be able to save it.
class Declined final : public Error {
  public:
    // `pages`: that libxenguest would give it where it is restored.
    Declined(Failure failure, std::uint64_t pages) : Error(std::move(failure)), pages_(pages) {}

    [[nodiscard]] std::uint64_t pages() const noexcept { return pages_; }

  private:
    std::uint64_t pages_;
};

// A guest's memory, to be read. Maps no page for longer than a call of `read`, unless it is to.
class GuestMemory {
  public:
    // `bytes`: the page's contents, frame numbers in tables translated to PFNs; nothing when a
    // table names a frame that is not the guest's. Good during the call only; others may write it
    // meanwhile.
    using Sink = std::function<void(const image::PageId& page,
                                    std::optional<std::span<const std::byte>> bytes)>;

    GuestMemory() = default;
    GuestMemory(const GuestMemory&) = delete;
    GuestMemory& operator=(const GuestMemory&) = delete;
    virtual ~GuestMemory() = default;

    // Every page it owns by its p2m, ascending, as Xen holds them at this moment; shared_info's
    // page is not the guest's own. Those that hold the p2m itself read as zero. Throws Declined.
    [[nodiscard]] virtual std::vector<image::PageId> pages() = 0;

    // Every PFN is less, as of the last call of `pages`.
    [[nodiscard]] virtual std::uint64_t pfn_end() const = 0;

    // Calls `sink` for each of them, in their order. Throws Error when a page cannot be mapped.
    virtual void read(std::span<const image::PageId> pages, const Sink& sink) = 0;

    // From now on what `read` maps stays mapped until this object goes: for a guest that is read
    // more than once.
    virtual void hold() = 0;

    // All but its pages. Only while it is suspended: throws Error if what it left is not in order.
    [[nodiscard]] virtual image::MachineState state() = 0;
};

// A domain that is filled from an image.
class RestoredMemory {
  public:
    RestoredMemory() = default;
    RestoredMemory(const RestoredMemory&) = delete;
    RestoredMemory& operator=(const RestoredMemory&) = delete;
    virtual ~RestoredMemory() = default;

    // Contents of pages, those of pages[i] at bytes[i * page_size]; a page may be written again.
    // What is never written is zero.
    virtual void write(std::span<const image::PageId> pages, std::span<const std::byte> bytes) = 0;

    // Clears the pages that were not written so far, which `finish` does otherwise: for one whose
    // guest still runs elsewhere meanwhile.
    virtual void clear() = 0;

    // Makes it a guest that runs on from its suspension once it is unpaused: translates its tables,
    // writes its p2m, start_info and shared_info, pins its tables, seeds its grants, sets its
    // vCPUs. `pages`: all it owns, ascending. Throws Error for a state that is not in order: tables
    // that name pages it does not own, frames out of range, contexts of the wrong size.
    [[nodiscard]] virtual RingFrames finish(const image::MachineState& state,
                                            std::span<const image::PageId> pages,
                                            EventPort store_port,
                                            std::optional<EventPort> console_port) = 0;
};

// Tells of a guest's suspension, and of nothing else that becomes of it. While it is there, nobody
// else is told: neither the store's daemon, which would look at all guests, nor those it tells.
class SuspensionEvents {
  public:
    SuspensionEvents() = default;
    SuspensionEvents(const SuspensionEvents&) = delete;
    SuspensionEvents& operator=(const SuspensionEvents&) = delete;
    virtual ~SuspensionEvents() = default;

    // Sends an event to the guest's port.
    virtual void notify() = 0;
    // Sleeps until something happens to the port; false if nothing has by then. The guest may have
    // suspended.
    [[nodiscard]] virtual bool wait(std::chrono::steady_clock::time_point deadline) = 0;
};

// Every call throws Error naming the hypercall that failed. A domain that does not exist is
// Error{no_such_guest}, unless a comment says otherwise.
class Hypervisor {
  public:
    Hypervisor() = default;
    Hypervisor(const Hypervisor&) = delete;
    Hypervisor& operator=(const Hypervisor&) = delete;
    virtual ~Hypervisor() = default;

    [[nodiscard]] virtual HostInfo host_info() = 0;

    // An empty paravirtualised domain, paused, with its vCPUs allocated and its memory limited.
    [[nodiscard]] virtual DomainId create_domain(const NewDomain& domain) = 0;

    // Lets that vCPU run on these CPUs only, or where it likes if there are none. CPUs that the
    // host lacks are passed over; Error EINVAL if none of them is online.
    virtual void set_affinity(DomainId id, std::uint16_t vcpu, const CpuList& cpus) = 0;

    // Where each of these may run; empty: wherever Xen likes; nothing: it does not exist (any
    // more).
    [[nodiscard]] virtual std::vector<std::optional<CpuList>> affinities(
        std::span<const VcpuId> vcpus) = 0;

    // A port of the guest's that the control domain may bind.
    [[nodiscard]] virtual EventPort allocate_event_channel(DomainId id) = 0;

    // Gives the domain its memory, fills it, seeds its grant table and sets its first vCPU.
    virtual RingFrames build(DomainId id, const BootPlan& plan) = 0;

    // The memory of a guest that runs or is suspended; must not outlive this object.
    [[nodiscard]] virtual std::unique_ptr<GuestMemory> open_memory(DomainId id) = 0;

    // Gives an empty domain the memory that an image describes: the pages `owned`, PFNs ascending,
    // all less than `pfn_end`, zeroed.
    [[nodiscard]] virtual std::unique_ptr<RestoredMemory> restore(
        DomainId id, std::uint64_t pfn_end, std::span<const std::uint64_t> owned) = 0;

    // Throws Error where libxenguest's program cannot be run.
    virtual void require_libxenguest() = 0;
    // A guest that was declined, by libxenguest's stream. Only while it is suspended; it is paused
    // meanwhile. `sink` is called with one part of it after the other, good during the call only.
    using StreamSink = std::function<void(std::span<const std::byte> part)>;
    virtual void save_by_libxenguest(DomainId id, const StreamSink& sink) = 0;
    // Makes an empty domain the guest that such a stream holds. `source` returns one part of it
    // after the other, good until the next call, and nothing at its end.
    using StreamSource = std::function<std::optional<std::span<const std::byte>>()>;
    [[nodiscard]] virtual RingFrames restore_by_libxenguest(DomainId id, EventPort store_port,
                                                            EventPort console_port,
                                                            const StreamSource& source) = 0;

    // `port`: of the guest's, for the control domain to bind.
    [[nodiscard]] virtual std::unique_ptr<SuspensionEvents> hear_suspension(DomainId id,
                                                                            EventPort port) = 0;
    // The store's daemon is told of its suspension: also where a process was killed while it
    // listened, and left the guest with nobody who would be.
    virtual void tell_store_of_suspension(DomainId id) = 0;

    // Lets a suspended guest run on where it is, also one that a killed process left paused; it
    // sees that its suspension was cancelled. Not for one that was restored elsewhere.
    virtual void resume(DomainId id) = 0;

    virtual void set_uuid(DomainId id, const Uuid& uuid) = 0;
    virtual void pause(DomainId id) = 0;
    virtual void unpause(DomainId id) = 0;

    // Frees everything the domain has. A domain that is gone already is no error: two may destroy
    // at once.
    virtual void destroy(DomainId id) = 0;

    // Nothing when there is no such domain.
    [[nodiscard]] virtual std::optional<DomainInfo> info(DomainId id) = 0;
    // All domains, the control domain included, in ascending order.
    [[nodiscard]] virtual std::vector<DomainInfo> list() = 0;
};

}  // namespace xcl
