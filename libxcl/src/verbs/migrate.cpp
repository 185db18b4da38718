// SPDX-License-Identifier: BSD-3-Clause
// migrate: sends a guest to another host, of which it becomes the guest at one moment: when "go" is
// sent. wire/messages.hpp has the whole exchange.
#include <memory>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "image/writer.hpp"
#include "record/label.hpp"
#include "verbs/guest_notes.hpp"
#include "verbs/precopy.hpp"
#include "verbs/suspendable.hpp"
#include "verbs/suspension.hpp"
#include "wire/messages.hpp"
#include "wire/stream.hpp"
#include "xcl/error.hpp"

namespace xcl::verbs {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* migrating = "migrate it";

// A guest on its way out, up to the moment when all of it is at the destination.
class Departure {
  public:
    Departure(const Host& host, const DomainInfo& guest, wire::Stream& stream)
        : host_(host),
          guest_(guest),
          stream_(stream),
          memory_(host.hypervisor.open_memory(guest.id)),
          writer_(stream, stream.peer(), image::MemoryForm::rounds) {}

    // Offers it, and sends its memory while it runs. When this returns, all is prepared there.
    void send_running(image::GuestDescription notes, const MigrateOptions& options) {
        memory_->hold();
        const std::vector<image::PageId> pages = memory_->pages();
        config_ = notes.config;
        describe_memory(notes, memory_->pfn_end(), pages.size());
        wire::send(stream_, {.type = wire::MessageType::offer,
                             .guest = token_of(guest_.uuid),
                             .switch_name = options.switch_name});
        writer_.begin(notes, pages);
        const wire::Ready ready = wire::receive_ready(stream_);

        precopy_.emplace(*memory_, writer_, memory_->pfn_end());
        if (ready.knows_contents)
            precopy_->ask(stream_, pages);
        while (another_round_helps(precopy_->rounds())) {
            precopy_->round(pages);
            if (options.on_round)
                options.on_round(precopy_->rounds().back());
        }
        // Else it would have to wait for what the destination has not taken in yet.
        writer_.mark();
        wire::receive_prepared(stream_);
    }

    // All that is still to be sent, now that it stands still. When this returns, it waits there.
    void send_rest() {
        const std::vector<image::PageId> pages = memory_->pages();
        const image::MachineState state = state_of(*memory_, config_);
        writer_.store(read_own_nodes(host_.store, guest_.id));
        precopy_->last_round(
            pages, [this](std::uint64_t pfn) { refuse_strange_table(guest_.id, pfn, migrating); });
        writer_.end(state, pages);
        wire::receive_restored(stream_);
    }

    [[nodiscard]] const std::vector<MigrationRound>& rounds() const { return precopy_->rounds(); }

  private:
    const Host& host_;
    const DomainInfo& guest_;
    wire::Stream& stream_;
    std::unique_ptr<GuestMemory> memory_;
    image::ImageWriter writer_;
    GuestConfig config_;
    std::optional<Precopy> precopy_;
};

[[noreturn]] void throw_in_doubt(const wire::Stream& stream, DomainId id, const Error& error) {
    throw Error(
        {.domain = id,
         .doing = fmt::format("learn whether it runs at {}", stream.peer()),
         .problem = error.what(),
         .hint = fmt::format("it stays here, suspended: 'cosmos settle {} HOST' asks that host",
                             id.value())});
}

// Hands the guest over. It is marked first, so that whoever looks at it knows that it may run
// elsewhere.
DomainId hand_over(const Host& host, DomainInfo& guest, Suspension& suspension,
                   wire::Stream& stream) {
    const Uuid before = guest.uuid;
    guest.uuid = label_in_doubt(before);
    guest.in_doubt = true;
    guest.state = DomainState::shutdown;
    guest.reason = ShutdownReason::suspend;
    host.hypervisor.set_uuid(guest.id, guest.uuid);
    suspension.leave();
    std::variant<wire::Running, wire::Refusal> outcome;
    try {
        wire::send_go(stream);
        outcome = wire::receive_outcome(stream);
    } catch (const Error& error) {
        throw_in_doubt(stream, guest.id, error);
    }
    if (const auto* refusal = std::get_if<wire::Refusal>(&outcome)) {
        host.hypervisor.set_uuid(guest.id, before);
        let_run_on(host.hypervisor, host.store, guest.id);
        throw Error({.domain = guest.id,
                     .doing = migrating,
                     .problem = fmt::format("{}: {}", stream.peer(), refusal->problem),
                     .hint = refusal->hint});
    }
    return std::get<wire::Running>(outcome).id;
}

}  // namespace

MigratedGuest migrate(const Host& host, DomainId id, Link& link, const MigrateOptions& options,
                      const TakeName& take_name) {
    const Clock::time_point start = Clock::now();
    const Descriptor mine = take_to_suspend(take_name, id, migrating);
    DomainInfo guest = require_suspendable(host.hypervisor, id, migrating);
    GuestNotes notes = read_notes(host, guest);
    MigratedGuest result;
    result.id = id;
    result.name = notes.guest.config.name;
    wire::Stream stream(link, options.patience);
    {
        Departure departure(host, guest, stream);
        departure.send_running(std::move(notes.guest), options);

        const Clock::time_point asked = Clock::now();
        Suspension suspension(host.hypervisor, host.store, guest, notes.suspend_port,
                              Afterwards::gone, options.timeout);
        departure.send_rest();
        result.there = hand_over(host, guest, suspension, stream);
        result.stood_still = Clock::now() - asked;
        result.rounds = departure.rounds();
    }
    destroy_found(host, {&guest, 1}, notes.terminal_met);
    result.bytes = stream.bytes_written();
    result.took = Clock::now() - start;
    return result;
}

}  // namespace xcl::verbs
