// SPDX-License-Identifier: BSD-3-Clause
// Arrival: a guest on its way in, up to the moment when it could start. Nothing is left of it
// unless it does.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <vector>

#include "image/reader.hpp"
#include "placement/placement.hpp"
#include "record/record.hpp"
#include "verbs/guest_vifs.hpp"
#include "verbs/unfinished_guest.hpp"
#include "verbs/verbs.hpp"
#include "wire/contents.hpp"

namespace xcl::verbs {

class Arrival {
  public:
    // An empty domain for it. `config`: its own, as it is to be here.
    Arrival(const Host& host, const image::GuestDescription& guest, GuestConfig config);
    Arrival(const Arrival&) = delete;
    Arrival& operator=(const Arrival&) = delete;
    ~Arrival();

    [[nodiscard]] DomainId id() const { return guest_.id(); }

    // All of its record but what depends on its memory, so that its interfaces appear meanwhile.
    void record();
    void await_vifs(std::chrono::milliseconds timeout);

    // Its memory comes page by page: give_memory; clear, while the source is busy with its first
    // round; write…; finish_memory.
    void give_memory(std::uint64_t pfn_end, const image::PageList& pages);
    void clear() { memory_->clear(); }
    void write(const image::PageBatch& batch, wire::KeptContents& kept);
    [[nodiscard]] RingFrames finish_memory(const image::MachineState& state,
                                           const image::PageList& pages);
    // Or as libxenguest saved it, which is a guest with a console.
    [[nodiscard]] RingFrames restore_memory(const Hypervisor::StreamSource& source);

    // Its memory is there: makes it what only needs to be started.
    void complete(const RingFrames& frames, const std::vector<image::StoreEntry>& own_nodes);

    // It is a guest of this host, whatever happens now.
    void finish(const Uuid& token);

    void start();

  private:
    void write_kept(std::span<const image::Reference> references, const wire::KeptContents& kept);
    void announce() noexcept;

    const Host& host_;
    GuestConfig config_;
    std::vector<VifPlan> plans_;
    CpuPlan cpu_plan_;
    UnfinishedGuest guest_;
    GuestVifs vifs_;
    RecordInput record_;
    std::unique_ptr<RestoredMemory> memory_;
    bool finished_ = false;
};

}  // namespace xcl::verbs
