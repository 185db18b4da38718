// SPDX-License-Identifier: BSD-3-Clause
// Makes the guests of a batch, each whole or not at all.
#include "verbs/batch.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "record/label.hpp"
#include "verbs/guests.hpp"
#include "verbs/host_memory.hpp"
#include "xcl/error.hpp"

namespace xcl::verbs {
namespace {

using Clock = std::chrono::steady_clock;

// So many guests may wait for their interfaces while further ones are begun: enough to keep the
// control domain's kernel busy, few enough that none waits long for its turn.
constexpr std::size_t most_in_flight = 16;

// A guest that is recorded, from then until it is whole.
struct GrowingGuest {
    GrowingGuest(const Host& host, const NewDomain& domain, std::span<const VifPlan> plans)
        : start(Clock::now()),
          guest(host.hypervisor, host.store, domain),
          vifs(host.network, guest.id(), plans) {}
    GrowingGuest(const GrowingGuest&) = delete;
    GrowingGuest& operator=(const GrowingGuest&) = delete;
    // Before its record goes: scripts look into it.
    ~GrowingGuest() {
        if (!whole)
            vifs.abandon();
    }

    Clock::time_point start;
    UnfinishedGuest guest;
    GuestVifs vifs;
    bool whole = false;
    std::string name = {};
    Clock::time_point deadline = Clock::time_point::max();
    bool started = false;
};

class Batch {
  public:
    Batch(const Host& host, const Recipe& recipe, const CreateOptions& options)
        : host_(host), recipe_(recipe), options_(options), maker_(this_process()) {
        made_.reserve(options.count);
        if (!recipe_.vifs.empty())
            host_.network.listen();
    }

    // One guest more: everything that needs no waiting.
    void begin() {
        const std::uint64_t pages = recipe_.memory_pages;
        const HostInfo host = require_memory(host_.hypervisor, pages);
        if (!cpu_plan_)
            cpu_plan_ = plan_for(host_.hypervisor, host, recipe_.config);
        growing_.emplace_back(host_,
                              NewDomain{.uuid = unfinished_label(maker_),
                                        .vcpus = recipe_.config.vcpus,
                                        .memory_pages = pages},
                              recipe_.vifs);
        GrowingGuest& one = growing_.back();
        place_vcpus(host_.hypervisor, one.guest.id(), recipe_.config, *cpu_plan_);
        record(one);
        if (!recipe_.vifs.empty())
            one.deadline = Clock::now() + options_.timeout;
        advance(std::prev(growing_.end()));
    }

    // Goes on until at most `most` guests are on their way.
    void settle(std::size_t most) {
        while (growing_.size() > most)
            take_event(growing_.front().deadline);
        while (!growing_.empty() && take_event(Clock::time_point{})) {
        }
    }

    [[nodiscard]] std::vector<CreatedGuest> made() && { return std::move(made_); }

  private:
    using Position = std::list<GrowingGuest>::iterator;

    // Fills its memory and records it: from then on the control domain's kernel makes its
    // interfaces.
    void record(GrowingGuest& one) {
        const GuestConfig& config = recipe_.config;
        const DomainId id = one.guest.id();
        // XenStore's port first: MiniOS resumes on the port numbers that it knew.
        const EventPort store_port = host_.hypervisor.allocate_event_channel(id);
        std::optional<EventPort> console_port;
        if (config.console == ConsoleKind::pty)
            console_port = host_.hypervisor.allocate_event_channel(id);

        const RingFrames frames = recipe_.fill(id, store_port, console_port);
        one.name = options_.count > 1 ? fmt::format("{}-{}", config.name, id.value()) : config.name;
        one.guest.record({.id = id,
                          .name = one.name,
                          .store_port = store_port,
                          .console_port = console_port,
                          .frames = frames,
                          .vifs = one.vifs.recorded(),
                          .store = recipe_.store});
    }

    // Takes one event for whichever guest; false if none came until the deadline.
    bool take_event(Clock::time_point deadline) {
        const std::optional<NetworkEvent> event = host_.network.wait_event(deadline);
        for (auto one = growing_.begin(); event && one != growing_.end();) {
            const auto next = std::next(one);
            if (event->kind == NetworkEvent::Kind::lost || event->vif.guest == one->guest.id())
                guarded(*one, [&] { one->vifs.take(*event); });
            advance(one);
            one = next;
        }
        require_in_time();
        return event.has_value();
    }

    // Starts the guest once its vifs are on their switches; it is whole then, or with
    // wait_connected once its frontends are connected.
    void advance(Position one) {
        if (!one->vifs.plugged())
            return;
        if (!one->started) {
            guarded(*one, [&] { start(*one); });
            one->started = true;
        }
        if (options_.wait_connected && !options_.paused) {
            if (!one->vifs.connected())
                return;
            guarded(*one, [&] {
                one->vifs.await_backends(host_.store, one->deadline, options_.timeout);
            });
        }
        finish(*one);
        made_.push_back({one->guest.id(), std::move(one->name), Clock::now() - one->start});
        growing_.erase(one);
        if (options_.on_created)
            options_.on_created(made_.back());
    }

    void start(GrowingGuest& one) {
        one.guest.complete_record(one.vifs.chosen_addresses());
        if (!options_.paused)
            host_.hypervisor.unpause(one.guest.id());
    }

    void finish(GrowingGuest& one) {
        one.guest.finish(recipe_.config);
        one.whole = true;
    }

    // Guests were begun in the order of their deadlines.
    void require_in_time() {
        if (growing_.empty() || Clock::now() < growing_.front().deadline)
            return;
        GrowingGuest& late = growing_.front();
        guarded(late, [&] { throw late.vifs.overdue(host_.store, options_.timeout); });
    }

    // Does a step that concerns the guest's vifs. With keep_failed, a guest that fails is left
    // paused to be looked at; else the batch's end undoes it.
    template <typename Step>
    void guarded(GrowingGuest& one, Step step) {
        try {
            step();
        } catch (const Error& error) {
            if (!options_.keep_failed)
                throw;
            const DomainId id = one.guest.id();
            if (one.started && !options_.paused)
                host_.hypervisor.pause(id);
            one.vifs.stop_scripts();
            one.guest.complete_record({backend_errors_removal(id)});
            finish(one);
            Failure failure = error.failure();
            failure.hint = fmt::format("domain {} is left paused, to be looked at", id.value());
            throw Error(std::move(failure));
        }
    }

    const Host& host_;
    const Recipe& recipe_;
    const CreateOptions& options_;
    ProcessStamp maker_;
    std::optional<CpuPlan> cpu_plan_;  // from the first guest on
    std::list<GrowingGuest> growing_;
    std::vector<CreatedGuest> made_;
};

}  // namespace

std::vector<CreatedGuest> make_guests(const Host& host, const Recipe& recipe,
                                      const CreateOptions& options) {
    Batch batch(host, recipe, options);
    for (unsigned begun = 0; begun < options.count; ++begun) {
        batch.begin();
        batch.settle(most_in_flight);
    }
    batch.settle(0);
    return std::move(batch).made();
}

}  // namespace xcl::verbs
