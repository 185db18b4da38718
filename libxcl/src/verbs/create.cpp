// SPDX-License-Identifier: BSD-3-Clause
// create: makes whole guests of a config, or nothing.
#include <algorithm>
#include <list>
#include <utility>

#include <fmt/format.h>
#include <sys/random.h>

#include "record/label.hpp"
#include "record/record.hpp"
#include "verbs/guest_vifs.hpp"
#include "verbs/guests.hpp"
#include "verbs/verbs.hpp"
#include "xcl/error.hpp"

namespace xcl::verbs {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t pages_per_mib = std::uint64_t{1024} * 1024 / kernel::page_size;

// So many guests may wait for their interfaces while further ones are begun: enough to keep the
// control domain's kernel busy, few enough that none waits long for its turn.
constexpr std::size_t most_in_flight = 16;

// A domain under construction. Destroys it, record and all, unless it was finished. Should this
// process die first, the label tells `reap`.
class UnfinishedGuest {
  public:
    UnfinishedGuest(Hypervisor& hypervisor, Store& store, const NewDomain& domain)
        : hypervisor_(hypervisor), store_(store), id_(hypervisor.create_domain(domain)) {}
    UnfinishedGuest(const UnfinishedGuest&) = delete;
    UnfinishedGuest& operator=(const UnfinishedGuest&) = delete;

    ~UnfinishedGuest() {
        if (finished_)
            return;
        if (recorded_)
            quietly([&] { static_cast<void>(store_.exchange(removal())); });
        quietly([&] { hypervisor_.destroy(id_); });
    }

    [[nodiscard]] DomainId id() const { return id_; }

    // A guest without vifs is introduced in the same go. Else that is left for the moment it
    // starts: xenconsoled then looks at all its guests, and the interfaces would wait for that.
    void record(const RecordInput& input) {
        recorded_ = true;  // also when it fails half way
        has_vifs_ = !input.vifs.empty();
        std::vector<StoreRequest> requests = guest_record(input);
        introduction_ = guest_introduction(input);
        if (!has_vifs_)
            requests.push_back(*std::exchange(introduction_, std::nullopt));
        require_done(requests, store_.exchange(requests), id_, "record the guest in XenStore");
    }

    // Sends what else is to be recorded, and introduces the guest unless it is already.
    void complete_record(std::vector<StoreRequest> requests) {
        if (introduction_)
            requests.push_back(*std::exchange(introduction_, std::nullopt));
        if (!requests.empty())
            require_done(requests, store_.exchange(requests), id_, "record the guest in XenStore");
    }

    void finish(const GuestConfig& config) {
        Uuid random{};
        if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size()))
            throw Error({.domain = id_, .doing = "label it", .call = "getrandom", .error = errno});
        hypervisor_.set_uuid(id_, whole_label(config, random));
        finished_ = true;
    }

  private:
    [[nodiscard]] std::vector<StoreRequest> removal() const {
        std::vector<StoreRequest> requests = guest_removal(id_, has_vifs_);
        if (has_vifs_)
            requests.push_back(backend_errors_removal(id_));
        return requests;
    }

    // The error that brought us here is the one to report.
    template <typename Step>
    static void quietly(Step step) noexcept {
        try {
            step();
        } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch)
        }
    }

    Hypervisor& hypervisor_;
    Store& store_;
    DomainId id_;
    std::optional<StoreRequest> introduction_;  // still to be sent
    bool recorded_ = false;
    bool has_vifs_ = false;
    bool finished_ = false;
};

HostInfo require_memory(Hypervisor& hypervisor, std::uint64_t pages) {
    const HostInfo host = hypervisor.host_info();
    if (pages > host.free_pages)
        throw Error({.doing = "create the guest",
                     .problem = fmt::format("it needs {} MiB of memory, the host has {} MiB free",
                                            pages / pages_per_mib, host.free_pages / pages_per_mib),
                     .hint = "destroy guests, or lower 'memory' in the config"});
    return host;
}

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

// A batch of guests of one blueprint. Those with vifs wait for their interfaces side by side.
class Batch {
  public:
    Batch(const Host& host, const Blueprint& blueprint, const CreateOptions& options)
        : host_(host),
          blueprint_(blueprint),
          options_(options),
          plans_(plan_vifs(host.network, blueprint.config.vifs, options.count)),
          maker_(this_process()) {
        made_.reserve(options.count);
        if (!plans_.empty())
            host_.network.listen();
    }

    // One guest more: everything that needs no waiting.
    void begin() {
        const std::uint64_t pages = blueprint_.layout.total_pages;
        const HostInfo host = require_memory(host_.hypervisor, pages);
        if (!cpu_plan_)
            cpu_plan_ = plan_for(host_.hypervisor, host, blueprint_.config);
        growing_.emplace_back(host_,
                              NewDomain{.uuid = unfinished_label(maker_),
                                        .vcpus = blueprint_.config.vcpus,
                                        .memory_pages = pages},
                              plans_);
        GrowingGuest& one = growing_.back();
        place_vcpus(host_.hypervisor, one.guest.id(), blueprint_.config, *cpu_plan_);
        record(one);
        if (!plans_.empty())
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
        const GuestConfig& config = blueprint_.config;
        const DomainId id = one.guest.id();
        // XenStore's port first: MiniOS resumes on the port numbers that it knew.
        const EventPort store_port = host_.hypervisor.allocate_event_channel(id);
        std::optional<EventPort> console_port;
        if (config.console == ConsoleKind::pty)
            console_port = host_.hypervisor.allocate_event_channel(id);

        const RingFrames frames = host_.hypervisor.build(id, {.kernel = blueprint_.kernel,
                                                              .ramdisk = blueprint_.ramdisk,
                                                              .layout = blueprint_.layout,
                                                              .cmdline = config.cmdline,
                                                              .store_port = store_port,
                                                              .console_port = console_port});
        one.name = options_.count > 1 ? fmt::format("{}-{}", config.name, id.value()) : config.name;
        one.guest.record({.id = id,
                          .name = one.name,
                          .store_port = store_port,
                          .console_port = console_port,
                          .frames = frames,
                          .vifs = one.vifs.recorded()});
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
        one.guest.finish(blueprint_.config);
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
    const Blueprint& blueprint_;
    const CreateOptions& options_;
    std::vector<VifPlan> plans_;
    ProcessStamp maker_;
    std::optional<CpuPlan> cpu_plan_;  // from the first guest on
    std::list<GrowingGuest> growing_;
    std::vector<CreatedGuest> made_;
};

}  // namespace

Blueprint read_blueprint(const GuestConfig& config) {
    Blueprint blueprint{.config = config,
                        .kernel = kernel::read_kernel(config.kernel),
                        .ramdisk = {},
                        .layout = {}};
    if (!config.ramdisk.empty())
        blueprint.ramdisk = kernel::read_ramdisk(config.ramdisk);
    blueprint.layout =
        kernel::plan_layout(blueprint.kernel, config.memory_mib * pages_per_mib,
                            blueprint.ramdisk.size(), config.console == ConsoleKind::pty);
    return blueprint;
}

std::string describe(const Blueprint& blueprint) {
    const kernel::KernelImage& kernel = blueprint.kernel;
    const kernel::BootLayout& layout = blueprint.layout;
    return fmt::format(
        "kernel {}: {} in {} segments, {} to {} KiB of the guest, entry {:#x}; {} pages of memory, "
        "{} of them mapped at the start by {} page tables",
        blueprint.config.kernel, kernel.os.empty() ? "an unnamed system" : kernel.os,
        kernel.segments.size(), (kernel.start - kernel.virt_base) / 1024,
        (kernel.end - kernel.virt_base) / 1024, kernel.entry, layout.total_pages,
        layout.mapped_pages, layout.page_tables.count);
}

std::vector<CreatedGuest> create(const Host& host, const Blueprint& blueprint,
                                 const CreateOptions& options) {
    Batch batch(host, blueprint, options);
    for (unsigned begun = 0; begun < options.count; ++begun) {
        batch.begin();
        batch.settle(most_in_flight);
    }
    batch.settle(0);
    return std::move(batch).made();
}

}  // namespace xcl::verbs
