// SPDX-License-Identifier: BSD-3-Clause
// receive: takes a guest in that another host migrates here. Whatever fails before the word to
// start it undoes it; wire/messages.hpp has the whole exchange.
#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "core/quietly.hpp"
#include "image/reader.hpp"
#include "record/label.hpp"
#include "verbs/guest_vifs.hpp"
#include "verbs/host_memory.hpp"
#include "verbs/page_batch.hpp"
#include "verbs/unfinished_guest.hpp"
#include "verbs/verbs.hpp"
#include "wire/messages.hpp"
#include "wire/stream.hpp"
#include "xcl/error.hpp"

namespace xcl::verbs {
namespace {

using Clock = std::chrono::steady_clock;

// One process at a time takes in a guest, and its name tells that there is one.
std::string name_for(const Uuid& token) {
    return "cosmos-receive-" + uuid_text(token);
}

GuestConfig config_for(GuestConfig config, const std::string& switch_name) {
    send_to_switch(config.vifs, switch_name);
    return config;
}

// A guest on its way in, up to the moment when it could start. Nothing is left of it unless it
// does.
class Arrival {
  public:
    Arrival(const Host& host, const image::GuestDescription& guest, const image::PageList& pages,
            GuestConfig config)
        : host_(host),
          config_(std::move(config)),
          plans_(plan_vifs(host.network, config_.vifs, 1, guest.vif_numbers)),
          cpu_plan_(plan_for(host.hypervisor, require_memory(host.hypervisor, guest.memory_pages),
                             config_)),
          guest_(host.hypervisor, host.store,
                 {.uuid = unfinished_label(this_process()),
                  .vcpus = config_.vcpus,
                  .memory_pages = guest.memory_pages}),
          vifs_(host.network, guest_.id(), plans_),
          record_{.id = guest_.id(),
                  .name = config_.name,
                  .console_port = {},
                  .frames = {},
                  .vifs = {}} {
        place_vcpus(host.hypervisor, id(), config_, cpu_plan_);
        record_.store_port = host.hypervisor.allocate_event_channel(id());
        if (config_.console == ConsoleKind::pty)
            record_.console_port = host.hypervisor.allocate_event_channel(id());
        memory_ = host.hypervisor.restore(id(), guest.pfn_end, image::to_pfns(pages));
    }
    Arrival(const Arrival&) = delete;
    Arrival& operator=(const Arrival&) = delete;
    ~Arrival() {
        if (!finished_)
            vifs_.abandon();
    }

    [[nodiscard]] DomainId id() const { return guest_.id(); }

    // All of its record but what depends on its memory, so that its interfaces appear meanwhile.
    void record() {
        record_.vifs = vifs_.recorded();
        if (!plans_.empty())
            host_.network.listen();
        guest_.record(record_);
    }

    void await_vifs(std::chrono::milliseconds timeout) {
        vifs_.await_plugged(host_.store, timeout);
    }

    // While the source is busy with its first round.
    void clear() { memory_->clear(); }

    void write(const image::PageBatch& batch, wire::KeptContents& kept) {
        verbs::write(*memory_, batch);
        for (std::size_t i = 0; i < batch.pages.size(); ++i)
            if (batch.pages[i].type == image::PageType::data)
                kept.keep(batch.contents.subspan(i * image::page_size, image::page_size));
        if (!batch.references.empty())
            write_kept(batch.references, kept);
    }

    // Its memory is there: makes it what only needs to be started.
    void complete(const image::MachineState& state, const image::GuestDescription& guest,
                  const image::PageList& pages) {
        const RingFrames frames = memory_->finish(state, image::to_pages(pages), record_.store_port,
                                                  record_.console_port);
        memory_.reset();
        std::vector<StoreRequest> requests = rings_record(record_, frames);
        std::ranges::move(own_nodes_record(id(), guest.store), std::back_inserter(requests));
        requests.push_back(guest_introduction(record_, frames));
        guest_.complete_record(std::move(requests));
    }

    // It is a guest of this host, whatever happens now.
    void finish(const Uuid& token) {
        guest_.finish(config_, token);
        finished_ = true;
    }

    void start() {
        host_.hypervisor.unpause(id());
        announce();
    }

  private:
    void write_kept(std::span<const image::Reference> references, const wire::KeptContents& kept) {
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

    // Switches between the hosts learn where it is before it has said a word. It runs in any case.
    void announce() noexcept {
        for (const VifPlan& plan : plans_)
            quietly([&] {
                const auto address = parse_ipv4(plan.config.ip.text);
                host_.network.announce({id(), plan.number}, plan.config.mac.value_or(MacAddress{}),
                                       address ? std::optional(address->address) : std::nullopt);
            });
    }

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

// Takes the guest in; once it is this host's, `is_ours` is true.
ReceivedGuest take_in(const Host& host, wire::Stream& stream, const wire::Opening& offer,
                      const ReceiveOptions& options, const wire::KernelPages& kernels,
                      bool& is_ours) {
    const Clock::time_point start = Clock::now();
    image::ImageReader reader(stream, stream.peer(), image::Checks::all, image::Source::wire);
    reader.begin();
    if (reader.form() != image::MemoryForm::rounds)
        throw Error({.problem = "its image is not in the form that migrates"});
    const std::string& switch_name =
        offer.switch_name.empty() ? options.switch_name : offer.switch_name;
    Arrival arrival(host, reader.guest(), reader.pages(),
                    config_for(reader.guest().config, switch_name));
    arrival.record();
    wire::send(stream, wire::Ready{.knows_contents = !kernels.empty()});

    wire::KeptContents kept(kernels);
    if (!kernels.empty()) {
        std::vector<bool> known;
        for (const image::Checksum& contents : wire::receive_contents(stream))
            known.push_back(!kernels.find(contents).empty());
        wire::send_known(stream, known);
    }
    arrival.clear();
    while (const auto batch = reader.next_pages()) {
        if (batch->mark) {
            arrival.await_vifs(options.timeout);
            wire::send_prepared(stream);
        } else {
            arrival.write(*batch, kept);
        }
    }
    arrival.await_vifs(options.timeout);  // also of one that asked for no word
    const image::MachineState state = reader.end();
    arrival.complete(state, reader.guest(), reader.pages());

    wire::send_restored(stream);
    wire::receive_go(stream);
    arrival.finish(offer.guest);
    is_ours = true;
    arrival.start();
    wire::send(stream, wire::Running{.id = arrival.id()});
    return {.id = arrival.id(), .name = reader.guest().config.name, .took = Clock::now() - start};
}

// Who asks means to destroy his copy of a guest that runs here.
wire::Answer answer_for(Hypervisor& hypervisor, const Uuid& token, const TakeName& take_name) {
    const std::optional<Descriptor> nobody_receives = take_name(name_for(token));
    if (!nobody_receives)
        return {.kind = wire::Answer::Kind::still_receives};
    for (const DomainInfo& domain : hypervisor.list())
        if (domain.ours && !domain.unfinished && !domain.in_doubt &&
            domain.state != DomainState::dying && token_of(domain.uuid) == token)
            return {.kind = wire::Answer::Kind::runs, .id = domain.id};
    return {.kind = wire::Answer::Kind::is_not_here};
}

// The id that a guest had here says nothing there.
wire::Refusal refusal_for(const Error& error) {
    Failure failure = error.failure();
    failure.domain.reset();
    std::string hint = failure.hint;
    return {.problem = Error(std::move(failure)).what(), .hint = std::move(hint)};
}

}  // namespace

std::optional<ReceivedGuest> receive(const Host& host, Link& link, const ReceiveOptions& options,
                                     const wire::KernelPages& kernels, const TakeName& take_name) {
    wire::Stream stream(link, options.patience);
    bool is_ours = false;
    try {
        const wire::Opening opening = wire::receive_opening(stream);
        if (opening.type == wire::MessageType::question) {
            wire::send(stream, answer_for(host.hypervisor, opening.guest, take_name));
            return std::nullopt;
        }
        const std::optional<Descriptor> name = take_name(name_for(opening.guest));
        if (!name)
            throw Error({.problem = "another process receives this guest"});
        return take_in(host, stream, opening, options, kernels, is_ours);
    } catch (const Error& error) {
        if (!is_ours)
            quietly([&] { wire::send(stream, refusal_for(error)); });
        throw;
    }
}

}  // namespace xcl::verbs
