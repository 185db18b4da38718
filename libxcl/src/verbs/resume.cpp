// SPDX-License-Identifier: BSD-3-Clause
// resume: makes guests of an image, as create makes them of a kernel.
#include <algorithm>

#include <fmt/format.h>

#include "verbs/batch.hpp"
#include "verbs/page_batch.hpp"
#include "verbs/verbs.hpp"
#include "xcl/error.hpp"

namespace xcl::verbs {
namespace {

// What copies of one guest cannot share: MAC addresses, and IP addresses of which the switch knows
// others.
void part_from_original(Network& network, VifConfig& vif) {
    vif.mac.reset();
    if (vif.ip.kind == VifAddress::Kind::none)
        return;
    vif.ip = {};
    if (!vif.script.empty() || vif.bridge.empty())
        return;
    if (network.address_of(network.bridge(vif.bridge).index))
        vif.ip.kind = VifAddress::Kind::automatic;
}

GuestConfig config_for(Network& network, const image::GuestDescription& guest,
                       const ResumeOptions& options) {
    GuestConfig config = guest.config;
    send_to_switch(config.vifs, options.switch_name);
    if (options.count > 1 || options.new_macs)
        for (VifConfig& vif : config.vifs)
            part_from_original(network, vif);
    return config;
}

RingFrames restore_stream(Hypervisor& hypervisor, const image::WholeImage& image, DomainId id,
                          EventPort store, EventPort console) {
    auto part = image.stream.begin();
    return hypervisor.restore_by_libxenguest(
        id, store, console, [&]() -> std::optional<image::Bytes> {
            return part == image.stream.end() ? std::nullopt : std::optional(*part++);
        });
}

RingFrames restore(Hypervisor& hypervisor, const image::WholeImage& image, DomainId id,
                   EventPort store, std::optional<EventPort> console) {
    if (image.form == image::MemoryForm::libxenguest)
        return restore_stream(hypervisor, image, id, store, console.value());
    const std::unique_ptr<RestoredMemory> memory =
        hypervisor.restore(id, image.guest.pfn_end, image::to_pfns(image.pages));
    for (const image::PageBatch& batch : image.batches)
        write(*memory, batch);
    return memory->finish(image.state, image::to_pages(image.pages), store, console);
}

}  // namespace

std::vector<CreatedGuest> resume(const Host& host, const image::WholeImage& image,
                                 const ResumeOptions& options) {
    if (image.form == image::MemoryForm::libxenguest)
        host.hypervisor.require_libxenguest();
    const GuestConfig config = config_for(host.network, image.guest, options);
    const Recipe recipe{
        .config = config,
        .memory_pages = image.guest.memory_pages,
        .vifs = plan_vifs(host.network, config.vifs, options.count, image.guest.vif_numbers),
        .store = image.guest.store,
        .fill = [&](DomainId id, EventPort store, std::optional<EventPort> console) {
            return restore(host.hypervisor, image, id, store, console);
        }};
    return make_guests(host, recipe,
                       {.count = options.count,
                        .paused = options.paused,
                        .wait_connected = options.wait_connected,
                        .keep_failed = false,
                        .timeout = options.timeout,
                        .on_created = options.on_resumed});
}

}  // namespace xcl::verbs
