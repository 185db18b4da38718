// SPDX-License-Identifier: BSD-3-Clause
// create: makes whole guests of a config, or nothing.
#include <fmt/format.h>
#include <sys/random.h>

#include "record/label.hpp"
#include "record/record.hpp"
#include "verbs/guests.hpp"
#include "verbs/verbs.hpp"
#include "xcl/error.hpp"

namespace xcl::verbs {
namespace {

constexpr std::uint64_t pages_per_mib = std::uint64_t{1024} * 1024 / kernel::page_size;

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
            quietly([&] { static_cast<void>(store_.exchange(guest_removal(id_))); });
        quietly([&] { hypervisor_.destroy(id_); });
    }

    [[nodiscard]] DomainId id() const { return id_; }

    void record(const RecordInput& input) {
        recorded_ = true;  // also when it fails half way
        const std::vector<StoreRequest> requests = guest_record(input);
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
    bool recorded_ = false;
    bool finished_ = false;
};

void require_memory(Hypervisor& hypervisor, std::uint64_t pages) {
    const HostMemory host = hypervisor.host_memory();
    if (pages > host.free_pages)
        throw Error({.doing = "create the guest",
                     .problem = fmt::format("it needs {} MiB of memory, the host has {} MiB free",
                                            pages / pages_per_mib, host.free_pages / pages_per_mib),
                     .hint = "destroy guests, or lower 'memory' in the config"});
}

CreatedGuest create_one(Hypervisor& hypervisor, Store& store, const Blueprint& blueprint,
                        const CreateOptions& options, const ProcessStamp& maker) {
    const auto start = std::chrono::steady_clock::now();
    const GuestConfig& config = blueprint.config;
    const std::uint64_t pages = blueprint.layout.total_pages;
    require_memory(hypervisor, pages);

    UnfinishedGuest guest(
        hypervisor, store,
        {.uuid = unfinished_label(maker), .vcpus = config.vcpus, .memory_pages = pages});
    for (std::uint16_t vcpu = 0; vcpu < config.vcpus; ++vcpu)
        if (const CpuList& cpus = config.cpus_of(vcpu); !cpus.empty())
            hypervisor.set_affinity(guest.id(), vcpu, cpus);

    // XenStore's port first: MiniOS resumes on the port numbers that it knew.
    const EventPort store_port = hypervisor.allocate_event_channel(guest.id());
    std::optional<EventPort> console_port;
    if (config.console == ConsoleKind::pty)
        console_port = hypervisor.allocate_event_channel(guest.id());

    const RingFrames frames = hypervisor.build(guest.id(), {.kernel = blueprint.kernel,
                                                            .ramdisk = blueprint.ramdisk,
                                                            .layout = blueprint.layout,
                                                            .cmdline = config.cmdline,
                                                            .store_port = store_port,
                                                            .console_port = console_port});

    std::string name =
        options.count > 1 ? fmt::format("{}-{}", config.name, guest.id().value()) : config.name;
    guest.record({.id = guest.id(),
                  .name = name,
                  .store_port = store_port,
                  .console_port = console_port,
                  .frames = frames});
    if (!options.paused)
        hypervisor.unpause(guest.id());
    guest.finish(config);
    return {guest.id(), std::move(name), std::chrono::steady_clock::now() - start};
}

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

std::vector<CreatedGuest> create(Hypervisor& hypervisor, Store& store, const Blueprint& blueprint,
                                 const CreateOptions& options) {
    const ProcessStamp maker = this_process();
    std::vector<CreatedGuest> guests;
    guests.reserve(options.count);
    while (guests.size() < options.count) {
        guests.push_back(create_one(hypervisor, store, blueprint, options, maker));
        if (options.on_created)
            options.on_created(guests.back());
    }
    return guests;
}

}  // namespace xcl::verbs
