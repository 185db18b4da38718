// SPDX-License-Identifier: BSD-3-Clause
// Asks a guest to suspend, sleeps until it has, and takes the request back where that fails.
#include "verbs/suspension.hpp"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "core/quietly.hpp"
#include "record/record.hpp"
#include "verbs/guests.hpp"
#include "verbs/watch.hpp"
#include "xcl/error.hpp"

namespace xcl::verbs {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* suspending = "suspend it";
constexpr const char* request_word = "suspend";
// How long only its suspension is listened to; then also whether it ends otherwise, which the store
// tells.
constexpr std::chrono::milliseconds prompt{100};
// How long one that did not answer in time is listened to, lest it suspend with nobody there.
constexpr std::chrono::milliseconds late_answer{1'000};

[[noreturn]] void refuse(DomainId id, const std::string& problem, const std::string& hint = {}) {
    throw Error({.domain = id, .doing = suspending, .problem = problem, .hint = hint});
}

class Request {
  public:
    Request(Hypervisor& hypervisor, Store& store, const DomainInfo& guest)
        : hypervisor_(hypervisor), store_(store), guest_(guest) {}

    // `offered`: the port that the guest has opened for this. Without one, one is opened in it, if
    // it is to be gone afterwards: it would stay in one that runs on.
    void ask(std::optional<EventPort> offered, Afterwards afterwards, Clock::time_point deadline) {
        std::unique_ptr<SuspensionEvents> events = offered ? events_at(offered) : nullptr;
        const bool by_channel = events != nullptr;
        if (!by_channel && afterwards == Afterwards::gone)
            events = events_at({});
        if (!events)
            listen_to_store();
        if (by_channel)
            events->notify();
        else
            ask_by_store();
        if (!events)
            return;
        // A guest may send as many events as it likes.
        const auto soon = std::min(Clock::now() + prompt, deadline);
        while (Clock::now() < soon && events->wait(soon))
            if (is_answered())
                return;
    }

    // Sleeps until it has suspended; false if it has not by then. Throws Error if it never will.
    [[nodiscard]] bool is_answered_by(Clock::time_point deadline) {
        if (is_answered())
            return true;
        listen_to_store();
        while (!is_answered())
            if (!store_.wait_event(deadline))
                return is_answered();
        return true;
    }

    // It is not to suspend any more; if it does all the same, it runs on.
    void withdraw() noexcept {
        if (by_store_)
            quietly([&] { clear_word(); });
        quietly([&] {
            if (is_answered_by(Clock::now() + late_answer))
                let_run_on(hypervisor_, store_, guest_.id);
        });
    }

  private:
    [[nodiscard]] std::string path() const { return domain_path(guest_.id) + "/control/shutdown"; }

    // At a port of the guest's, a new one if none is given; nothing where that cannot be, as when
    // the guest has closed it since.
    [[nodiscard]] std::unique_ptr<SuspensionEvents> events_at(std::optional<EventPort> port) {
        try {
            return hypervisor_.hear_suspension(
                guest_.id, port ? *port : hypervisor_.allocate_event_channel(guest_.id));
        } catch (const Error& error) {
            if (error.kind() == ErrorKind::no_such_guest)
                throw;
            return nullptr;
        }
    }

    // Before it is looked at, or asked: no answer can be missed.
    void listen_to_store() {
        if (watch_)
            return;
        hypervisor_.tell_store_of_suspension(guest_.id);
        watch_.emplace(store_, "@releaseDomain");
    }

    void ask_by_store() {
        const std::vector<StoreRequest> requests{store_write(path(), request_word)};
        by_store_ = true;  // also when the reply is lost
        require_done(requests, store_.exchange(requests), guest_.id, suspending);
    }

    [[nodiscard]] bool is_answered() {
        const std::optional<DomainInfo> now = hypervisor_.info(guest_.id);
        if (!now || now->uuid != guest_.uuid || now->state == DomainState::dying)
            refuse(guest_.id, "it was destroyed meanwhile");
        if (now->state != DomainState::shutdown)
            return false;
        if (now->reason != ShutdownReason::suspend)
            refuse(guest_.id, "it ended instead", "'cosmos list' says how");
        return true;
    }

    // Unless the guest has taken it.
    void clear_word() {
        const std::vector<StoreRequest> look{store_read(path())};
        if (store_.exchange(look).front().value != request_word)
            return;
        const std::vector<StoreRequest> clearing{store_write(path(), "")};
        static_cast<void>(store_.exchange(clearing));
    }

    Hypervisor& hypervisor_;
    Store& store_;
    const DomainInfo& guest_;
    std::optional<Watch> watch_;
    bool by_store_ = false;
};

// Whether it stands suspended already: a process that was killed over it left it so.
bool is_suspended(const DomainInfo& guest) {
    if (guest.state == DomainState::paused)
        refuse(guest.id, "it is paused, and cannot answer",
               fmt::format("'cosmos unpause {}' lets it", guest.id.value()));
    if (guest.state != DomainState::shutdown)
        return false;
    if (guest.reason != ShutdownReason::suspend)
        refuse(guest.id, "it has ended");
    if (!guest.ours)
        refuse(guest.id, "another toolstack has suspended it");
    return true;
}

}  // namespace

void let_run_on(Hypervisor& hypervisor, Store& store, DomainId id) {
    hypervisor.resume(id);
    // Else the daemon would not tell of its next end.
    const std::vector<StoreRequest> requests{store_resume(id)};
    require_done(requests, store.exchange(requests), id, "tell XenStore that it runs on");
}

Suspension::Suspension(Hypervisor& hypervisor, Store& store, const DomainInfo& guest,
                       std::optional<EventPort> port, Afterwards afterwards,
                       std::chrono::milliseconds timeout)
    : hypervisor_(hypervisor), store_(store), id_(guest.id) {
    if (is_suspended(guest))
        return;
    Request request(hypervisor, store, guest);
    try {
        const auto deadline = Clock::now() + timeout;
        request.ask(port, afterwards, deadline);
        if (request.is_answered_by(deadline))
            return;
    } catch (const Error&) {
        request.withdraw();
        throw;
    }
    request.withdraw();
    refuse(id_,
           fmt::format("it did not answer within {} s, and runs on",
                       std::chrono::duration<double>(timeout).count()),
           "does its kernel support being suspended?");
}

Suspension::~Suspension() {
    if (!over_)
        quietly([&] { let_run_on(hypervisor_, store_, id_); });
}

void Suspension::end() {
    over_ = true;
    let_run_on(hypervisor_, store_, id_);
}

}  // namespace xcl::verbs
