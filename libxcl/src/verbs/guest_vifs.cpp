// SPDX-License-Identifier: BSD-3-Clause
// Brings vifs to their switches as the kernel offers them.
#include "verbs/guest_vifs.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "verbs/guests.hpp"
#include "verbs/watch.hpp"

namespace xcl::verbs {
namespace {

// How long a script may take to undo its work.
constexpr std::chrono::seconds offline_patience{5};

ScriptCall call_of(const VifPlan& plan, const VifId& vif, std::string action) {
    return {.path = plan.script,
            .action = std::move(action),
            .vif = vif,
            .bridge = plan.bridges[plan.first_choice(vif)].bridge.name};
}

std::string names_of(std::span<const PlanBridge> bridges) {
    std::string names;
    for (const PlanBridge& choice : bridges)
        names += fmt::format("{}{}", names.empty() ? "" : ", ", choice.bridge.name);
    return names;
}

// "2 reading script": errno and what the control domain's kernel did; empty if it noted nothing.
std::string noted_error(Store& store, const VifId& vif) {
    const std::vector<StoreRequest> request{store_read(backend_error_path(vif))};
    return store.exchange(request).front().value;
}

[[noreturn]] void throw_full(const VifId& vif, std::span<const PlanBridge> bridges) {
    const bool one = bridges.size() == 1;
    throw Error({.domain = vif.guest,
                 .doing = fmt::format("plug in {}", interface_name(vif)),
                 .problem = fmt::format("{} {} full: a Linux bridge takes {} ports",
                                        one ? bridges.front().bridge.name : names_of(bridges),
                                        one ? "is" : "are", max_switch_ports),
                 .hint = "'cosmos switch add NAME' makes another switch; bridge=auto spreads "
                         "guests over all of them"});
}

}  // namespace

GuestVifs::GuestVifs(Network& network, DomainId guest, std::span<const VifPlan> plans,
                     std::uint16_t first)
    : network_(network) {
    for (const VifPlan& plan : plans)
        vifs_.push_back(
            {.id = {guest, static_cast<std::uint16_t>(first + plan.number)}, .plan = &plan});
}

std::vector<RecordedVif> GuestVifs::recorded() const {
    std::vector<RecordedVif> all;
    for (const Vif& vif : vifs_)
        all.push_back(verbs::recorded(*vif.plan, vif.id));
    return all;
}

void GuestVifs::take(const NetworkEvent& event) {
    if (event.kind == NetworkEvent::Kind::lost) {
        look_at_all();
        return;
    }
    const auto found = std::ranges::find(vifs_, event.vif, &Vif::id);
    if (found == vifs_.end())
        return;
    if (event.kind == NetworkEvent::Kind::connected)
        found->has_carrier = true;
    if (event.kind == NetworkEvent::Kind::script_ended && found->state == State::script_runs) {
        if (!event.problem.empty())
            throw Error({.domain = event.vif.guest,
                         .doing = fmt::format("attach {}", interface_name(event.vif)),
                         .problem = event.problem});
        found->state = State::plugged;
    }
    if (found->state == State::awaited)
        bring(*found);
    settle(*found);
}

void GuestVifs::look_at_all() {
    for (Vif& vif : vifs_) {
        const std::optional<Interface> interface = network_.interface_of(vif.id);
        if (!interface)
            continue;
        vif.has_carrier = vif.has_carrier || interface->carrier;
        if (vif.state == State::awaited)
            bring(vif);
        settle(vif);
    }
}

void GuestVifs::bring(Vif& vif) {
    if (vif.plan->script.empty()) {
        plug(vif);
        vif.state = State::plugged;
    } else {
        network_.start_script(call_of(*vif.plan, vif.id, "online"));
        vif.state = State::script_runs;
    }
}

void GuestVifs::plug(Vif& vif) {
    const std::vector<PlanBridge>& bridges = vif.plan->bridges;
    for (std::size_t tried = 0; tried < bridges.size(); ++tried) {
        const PlanBridge& choice =
            bridges[(vif.plan->first_choice(vif.id) + tried) % bridges.size()];
        const std::optional<unsigned> port = network_.plug(vif.id, choice.bridge);
        if (!port)
            continue;
        if (!choice.network)
            return;
        const auto address = address_for_port(*choice.network, *port);
        if (!address)
            throw Error(
                {.domain = vif.id.guest,
                 .doing = fmt::format("give {} an address", interface_name(vif.id)),
                 .problem = fmt::format("the network {} of {} is too small for port {}",
                                        ipv4_text(*choice.network), choice.bridge.name, *port),
                 .hint = "a full switch needs a /21"});
        vif.address = ipv4_text(*address);
        return;
    }
    throw_full(vif.id, bridges);
}

void GuestVifs::settle(Vif& vif) {
    if (vif.state == State::plugged && vif.has_carrier)
        vif.state = State::connected;
}

bool GuestVifs::plugged() const {
    return std::ranges::all_of(vifs_, [](const Vif& vif) { return vif.state >= State::plugged; });
}

bool GuestVifs::connected() const {
    return std::ranges::all_of(vifs_, [](const Vif& vif) { return vif.state == State::connected; });
}

void GuestVifs::await(Reached reached, Store& store, std::chrono::milliseconds timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (!(this->*reached)()) {
        const std::optional<NetworkEvent> event = network_.wait_event(deadline);
        if (!event)
            throw overdue(store, timeout);
        take(*event);
    }
}

void GuestVifs::await_plugged(Store& store, std::chrono::milliseconds timeout) {
    await(&GuestVifs::plugged, store, timeout);
}

void GuestVifs::await_connected(Store& store, std::chrono::milliseconds timeout) {
    await(&GuestVifs::connected, store, timeout);
}

void GuestVifs::await_backends(Store& store, std::chrono::steady_clock::time_point deadline,
                               std::chrono::milliseconds timeout) const {
    for (const Vif& vif : vifs_) {
        const std::string state = backend_path(vif.id) + "/state";
        const auto is_connected = [&] {
            const std::vector<StoreRequest> request{store_read(state)};
            const std::vector<StoreReply> reply = store.exchange(request);
            require_done(request, reply, vif.id.guest,
                         fmt::format("wait for the backend of {}", interface_name(vif.id)));
            return reply.front().value == "4";  // XenbusStateConnected
        };
        if (is_connected())
            continue;
        const Watch watch(store, state);
        while (!is_connected())
            if (!store.wait_event(deadline))
                throw overdue(store, timeout);
    }
}

std::vector<StoreRequest> GuestVifs::chosen_addresses() const {
    std::vector<StoreRequest> requests;
    for (const Vif& vif : vifs_)
        if (!vif.address.empty())
            requests.push_back(store_write(backend_path(vif.id) + "/ip", vif.address));
    return requests;
}

Error GuestVifs::overdue(Store& store, std::chrono::milliseconds timeout) const {
    const auto least = std::ranges::min_element(vifs_, {}, &Vif::state);
    const std::string name = interface_name(least->id);
    const double seconds = std::chrono::duration<double>(timeout).count();
    Failure failure{.domain = least->id.guest};
    switch (least->state) {
        case State::awaited:
            failure.doing = fmt::format("attach {}", name);
            failure.problem = fmt::format("its backend offered no interface within {} s", seconds);
            if (const std::string noted = noted_error(store, least->id); !noted.empty())
                failure.problem += fmt::format(": {}", noted);
            else
                failure.hint = "is the control domain's module xen-netback loaded?";
            break;
        case State::script_runs:
            failure.doing = fmt::format("attach {}", name);
            failure.problem =
                fmt::format("the script {} did not end within {} s", least->plan->script, seconds);
            break;
        case State::plugged:
        case State::connected:
            failure.doing = fmt::format("wait for the frontend of {}", name);
            failure.problem = fmt::format("the guest did not connect it within {} s", seconds);
            failure.hint =
                "does the guest have a driver for it? Without --wait it may take as "
                "long as it likes";
            break;
    }
    return Error(std::move(failure));
}

void GuestVifs::stop_scripts() noexcept {
    for (const Vif& vif : vifs_)
        if (vif.state == State::script_runs)
            network_.stop_script(vif.id);
}

void GuestVifs::abandon() noexcept {
    stop_scripts();
    for (const Vif& vif : vifs_) {
        if (vif.plan->script.empty() || vif.state == State::awaited)
            continue;
        try {
            static_cast<void>(
                network_.run_script(call_of(*vif.plan, vif.id, "offline"),
                                    std::chrono::steady_clock::now() + offline_patience));
        } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): an Error is on its way
        }
    }
}

}  // namespace xcl::verbs
