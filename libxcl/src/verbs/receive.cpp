// SPDX-License-Identifier: BSD-3-Clause
// receive: takes a guest in that another host migrates here. Whatever fails before the word to
// start it undoes it; wire/messages.hpp has the whole exchange.
#include <utility>

#include <fmt/format.h>

#include "core/quietly.hpp"
#include "image/reader.hpp"
#include "record/label.hpp"
#include "verbs/arrival.hpp"
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

RingFrames take_pages(wire::Stream& stream, image::ImageReader& reader, Arrival& arrival,
                      const ReceiveOptions& options, const wire::KernelPages& kernels) {
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
    return arrival.finish_memory(state, reader.pages());
}

RingFrames take_stream(wire::Stream& stream, image::ImageReader& reader, Arrival& arrival,
                       const ReceiveOptions& options) {
    arrival.await_vifs(options.timeout);
    wire::send_prepared(stream);
    const RingFrames frames = arrival.restore_memory([&reader] { return reader.next_part(); });
    static_cast<void>(reader.end());
    return frames;
}

// Takes the guest in; once it is this host's, `is_ours` is true.
ReceivedGuest take_in(const Host& host, wire::Stream& stream, const wire::Opening& offer,
                      const ReceiveOptions& options, const wire::KernelPages& kernels,
                      bool& is_ours) {
    const Clock::time_point start = Clock::now();
    image::ImageReader reader(stream, stream.peer(), image::Checks::all, image::Source::wire);
    reader.begin();
    if (reader.form() == image::MemoryForm::pages)
        throw Error({.problem = "its image is not in the form that migrates"});
    const bool by_libxenguest = reader.form() == image::MemoryForm::libxenguest;
    if (by_libxenguest)
        host.hypervisor.require_libxenguest();
    const std::string& switch_name =
        offer.switch_name.empty() ? options.switch_name : offer.switch_name;
    Arrival arrival(host, reader.guest(), config_for(reader.guest().config, switch_name));
    if (!by_libxenguest)
        arrival.give_memory(reader.guest().pfn_end, reader.pages());
    arrival.record();
    wire::send(stream, wire::Ready{.knows_contents = !by_libxenguest && !kernels.empty()});

    const RingFrames frames = by_libxenguest
                                  ? take_stream(stream, reader, arrival, options)
                                  : take_pages(stream, reader, arrival, options, kernels);
    arrival.complete(frames, reader.guest().store);

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
