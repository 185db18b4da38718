// SPDX-License-Identifier: BSD-3-Clause
// create: makes whole guests of a config, or nothing.
#include <fmt/format.h>

#include "verbs/batch.hpp"
#include "verbs/verbs.hpp"

namespace xcl::verbs {
namespace {

constexpr std::uint64_t pages_per_mib = std::uint64_t{1024} * 1024 / kernel::page_size;

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
    const auto build = [&](DomainId id, EventPort store, std::optional<EventPort> console) {
        return host.hypervisor.build(id, {.kernel = blueprint.kernel,
                                          .ramdisk = blueprint.ramdisk,
                                          .layout = blueprint.layout,
                                          .cmdline = blueprint.config.cmdline,
                                          .store_port = store,
                                          .console_port = console});
    };
    const Recipe recipe{.config = blueprint.config,
                        .memory_pages = blueprint.layout.total_pages,
                        .vifs = plan_vifs(host.network, blueprint.config.vifs, options.count),
                        .store = {},
                        .fill = build};
    return make_guests(host, recipe, options);
}

}  // namespace xcl::verbs
