// SPDX-License-Identifier: BSD-3-Clause
// Makes a domain, its record and its interfaces, and fills it with what arrives.
#include "verbs/arrival.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "core/quietly.hpp"
#include "record/label.hpp"
#include "verbs/host_memory.hpp"
#include "verbs/page_batch.hpp"
#include "xcl/error.hpp"

namespace xcl::verbs {

Arrival::Arrival(const Host& host, const image::GuestDescription& guest, GuestConfig config)
    : host_(host),
      config_(std::move(config)),
      plans_(plan_vifs(host.network, config_.vifs, 1, guest.vif_numbers)),
      cpu_plan_(
          plan_for(host.hypervisor, require_memory(host.hypervisor, guest.memory_pages), config_)),
      guest_(host.hypervisor, host.store,
             {.uuid = unfinished_label(this_process()),
              .vcpus = config_.vcpus,
              .memory_pages = guest.memory_pages}),
      vifs_(host.network, guest_.id(), plans_),
      record_{
          .id = guest_.id(), .name = config_.name, .console_port = {}, .frames = {}, .vifs = {}} {
    place_vcpus(host.hypervisor, id(), config_, cpu_plan_);
    record_.store_port = host.hypervisor.allocate_event_channel(id());
    if (config_.console == ConsoleKind::pty)
        record_.console_port = host.hypervisor.allocate_event_channel(id());
}

Arrival::~Arrival() {
    if (!finished_)
        vifs_.abandon();
}

void Arrival::record() {
    record_.vifs = vifs_.recorded();
    if (!plans_.empty())
        host_.network.listen();
    guest_.record(record_);
}

void Arrival::await_vifs(std::chrono::milliseconds timeout) {
    vifs_.await_plugged(host_.store, timeout);
}

void Arrival::give_memory(std::uint64_t pfn_end, const image::PageList& pages) {
    memory_ = host_.hypervisor.restore(id(), pfn_end, image::to_pfns(pages));
}

void Arrival::write(const image::PageBatch& batch, wire::KeptContents& kept) {
    verbs::write(*memory_, batch);
    for (std::size_t i = 0; i < batch.pages.size(); ++i)
        if (batch.pages[i].type == image::PageType::data)
            kept.keep(batch.contents.subspan(i * image::page_size, image::page_size));
    if (!batch.references.empty())
        write_kept(batch.references, kept);
}

void Arrival::write_kept(std::span<const image::Reference> references,
                         const wire::KeptContents& kept) {
    std::vector<image::PageId> pages;
    std::vector<std::byte> contents;
    for (const image::Reference& reference : references) {
        const image::Bytes page = kept.find(reference.contents);
        if (page.empty())
            throw Error({.problem = fmt::format("its page {:#x} is to have contents that are "
                                                "not here",
                                                reference.pfn)});
        pages.push_back({.pfn = reference.pfn});
        contents.insert(contents.end(), page.begin(), page.end());
    }
    memory_->write(pages, contents);
}

RingFrames Arrival::finish_memory(const image::MachineState& state, const image::PageList& pages) {
    const RingFrames frames =
        memory_->finish(state, image::to_pages(pages), record_.store_port, record_.console_port);
    memory_.reset();
    return frames;
}

RingFrames Arrival::restore_memory(const Hypervisor::StreamSource& source) {
    return host_.hypervisor.restore_by_libxenguest(id(), record_.store_port,
                                                   record_.console_port.value(), source);
}

void Arrival::complete(const RingFrames& frames, const std::vector<image::StoreEntry>& own_nodes) {
    std::vector<StoreRequest> requests = rings_record(record_, frames);
    std::ranges::move(own_nodes_record(id(), own_nodes), std::back_inserter(requests));
    requests.push_back(guest_introduction(record_, frames));
    guest_.complete_record(std::move(requests));
}

void Arrival::finish(const Uuid& token) {
    guest_.finish(config_, token);
    finished_ = true;
}

void Arrival::start() {
    host_.hypervisor.unpause(id());
    announce();
}

// Switches between the hosts learn where it is before it has said a word. It runs in any case.
void Arrival::announce() noexcept {
    for (const VifPlan& plan : plans_)
        quietly([&] {
            const auto address = parse_ipv4(plan.config.ip.text);
            host_.network.announce({id(), plan.number}, plan.config.mac.value_or(MacAddress{}),
                                   address ? std::optional(address->address) : std::nullopt);
        });
}

}  // namespace xcl::verbs
