// SPDX-License-Identifier: BSD-3-Clause
// settle: ends the doubt over a guest that was sent to another host when the connection was lost.
#include <fmt/format.h>

#include "record/label.hpp"
#include "record/record.hpp"
#include "verbs/guests.hpp"
#include "verbs/in_doubt.hpp"
#include "verbs/suspendable.hpp"
#include "verbs/suspension.hpp"
#include "verbs/verbs.hpp"
#include "wire/messages.hpp"
#include "wire/stream.hpp"
#include "xcl/error.hpp"

namespace xcl::verbs {
namespace {

constexpr const char* settling = "settle who has it";

DomainInfo require_doubt(Hypervisor& hypervisor, DomainId id) {
    DomainInfo guest = require_guest(hypervisor, id, settling);
    if (!guest.in_doubt)
        throw Error({.domain = id, .doing = settling, .problem = "it is not in doubt"});
    return guest;
}

}  // namespace

std::optional<DomainId> settle(const Host& host, DomainId id, Link& link,
                               std::chrono::milliseconds patience, const TakeName& take_name) {
    const Descriptor mine = take_to_suspend(take_name, id, settling);
    const DomainInfo guest = require_doubt(host.hypervisor, id);
    wire::Stream stream(link, patience);
    wire::send(
        stream,
        {.type = wire::MessageType::question, .guest = token_of(guest.uuid), .switch_name = {}});
    const wire::Answer answer = wire::receive_answer(stream);
    switch (answer.kind) {
        case wire::Answer::Kind::is_not_here:
            return std::nullopt;
        case wire::Answer::Kind::runs:
            break;
        case wire::Answer::Kind::still_receives:
            throw Error({.domain = id,
                         .doing = settling,
                         .problem = fmt::format("{} still waits for it", stream.peer()),
                         .hint = "try again in a minute"});
    }
    destroy_found(host, {&guest, 1});
    return answer.id;
}

void settle_here(const Host& host, DomainId id, const TakeName& take_name) {
    const Descriptor mine = take_to_suspend(take_name, id, settling);
    const DomainInfo guest = require_doubt(host.hypervisor, id);
    require_record(host.store, id, settling);
    host.hypervisor.set_uuid(id, uuid_without_doubt(host.store, guest));
    let_run_on(host.hypervisor, host.store, id);
}

}  // namespace xcl::verbs
