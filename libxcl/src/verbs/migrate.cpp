// SPDX-License-Identifier: BSD-3-Clause
// migrate: sends a guest to another host, of which it becomes the guest at one moment: when "go" is
// sent. wire/messages.hpp has the whole exchange.
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "record/label.hpp"
#include "verbs/departure.hpp"
#include "verbs/guest_notes.hpp"
#include "verbs/suspendable.hpp"
#include "verbs/suspension.hpp"
#include "wire/messages.hpp"
#include "wire/stream.hpp"
#include "xcl/error.hpp"

namespace xcl::verbs {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* migrating = "migrate it";

// What cannot be sent may have been refused over there, for a reason.
template <typename Send>
void with_reason(wire::Stream& stream, const Send& send) {
    try {
        send();
    } catch (const Error&) {
        if (stream.write_failed())
            wire::look_for_refusal(stream);
        throw;
    }
}

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
        const std::unique_ptr<Departure> departure = depart(host, guest, stream, result.declined);
        with_reason(stream, [&] { departure->send_running(std::move(notes.guest), options); });

        const Clock::time_point asked = Clock::now();
        Suspension suspension(host.hypervisor, host.store, guest, notes.suspend_port,
                              Afterwards::gone, options.timeout);
        with_reason(stream, [&] { departure->send_rest(); });
        result.there = hand_over(host, guest, suspension, stream);
        result.stood_still = Clock::now() - asked;
        result.rounds = departure->rounds();
    }
    destroy_found(host, {&guest, 1}, notes.terminal_met);
    result.bytes = stream.bytes_written();
    result.took = Clock::now() - start;
    return result;
}

}  // namespace xcl::verbs
