// SPDX-License-Identifier: BSD-3-Clause
// Netfront: one vif's agreement with its backend, over XenStore, and its events.
#include "netfront.hpp"

namespace guest {

namespace {

std::string_view text_of(XenbusState state) {
    return std::string_view{"0123456789"}.substr(state, 1);
}

// XenStore's paths name the domain they are of: /local/domain/ID/... Reading backend-id too would
// be one request more.
bool domain_of(std::string_view path, domid_t& domain) {
    constexpr std::string_view start = "/local/domain/";
    if (!path.starts_with(start))
        return false;
    path.remove_prefix(start.size());
    unsigned number = 0;
    std::size_t digits = 0;
    for (; digits < path.size() && path[digits] >= '0' && path[digits] <= '9'; ++digits) {
        number = number * 10 + static_cast<unsigned>(path[digits] - '0');
        if (number >= DOMID_FIRST_RESERVED)
            return false;
    }
    domain = static_cast<domid_t>(number);
    return digits > 0 && path.substr(digits).starts_with('/');
}

}  // namespace

void Netfront::forget() {
    state_ = State::detached;
    comes_back_ = false;
    tx_port_ = 0;
    rx_port_ = 0;
}

bool Netfront::attach(Memory& memory, unsigned number, std::string_view backend) {
    directory_ = Text{}.add("device/vif/").decimal(number);
    backend_ = Text{}.add(backend);
    if (!domain_of(backend, backend_domain_) || !rings_.take_memory(memory, number))
        return false;
    state_ = State::ready;
    return store_
        ->watch(
            Text{backend_}.add("/state").view(),
            [](void* self) { static_cast<Netfront*>(self)->follow(); }, this)
        .ok;
}

void Netfront::reconnect() {
    if (state_ != State::connected && state_ != State::offered)
        return;
    disconnect();
    comes_back_ = true;
    announce(State::closing, XenbusStateClosing);
}

void Netfront::send(std::span<const std::uint8_t> frame) {
    if (state_ == State::connected && rings_.send(frame))
        serve();
}

// The backend's state has changed, or may have. Its sequence is the one of xenbus.h: InitWait when
// it is ready, Connected when it has taken what was offered, Closing and Closed at the end.
void Netfront::follow() {
    switch (const XenbusState backend = backend_state()) {
        case XenbusStateInitWait:
        case XenbusStateInitialised:
            if (state_ == State::ready || state_ == State::closed)
                offer();
            break;
        case XenbusStateConnected:
            if (state_ == State::offered) {
                state_ = State::connected;
                owner_.connected(owner_.subject);
                serve();
            }
            break;
        case XenbusStateClosing:
        case XenbusStateClosed:
        case XenbusStateUnknown:
            follow_end(backend);
            break;
        default:
            break;
    }
}

// Frontend and backend close one step after the other; only then, and if it was the guest that
// wished so, all begins again.
void Netfront::follow_end(XenbusState backend) {
    if (state_ == State::connected || state_ == State::offered)
        disconnect();
    if (backend == XenbusStateUnknown) {
        rings_.stop();
        state_ = State::detached;
    } else if (state_ == State::closed && backend == XenbusStateClosed && comes_back_) {
        comes_back_ = false;
        announce(State::ready, XenbusStateInitialising);
    } else if (state_ != State::closed && state_ != State::ready) {
        rings_.stop();
        announce(State::closed, XenbusStateClosed);
    }
}

void Netfront::offer() {
    const bool split = read_backend("feature-split-event-channels").text == "1";
    if (!rings_.start(backend_domain_) || !open_ports(split)) {
        disconnect();
        announce(State::closed, XenbusStateClosed);
        return;
    }
    const Text tx_ring = Text{}.decimal(rings_.tx_ring_grant());
    const Text rx_ring = Text{}.decimal(rings_.rx_ring_grant());
    const Text tx_port = Text{}.decimal(tx_port_);
    const Text rx_port = Text{}.decimal(rx_port_);
    const XenStore::Entry entries[] = {
        {"event-channel-rx", rx_port.view()},  // left out where there is but one channel
        {split ? "event-channel-tx" : "event-channel", tx_port.view()},
        {"tx-ring-ref", tx_ring.view()},
        {"rx-ring-ref", rx_ring.view()},
        {"request-rx-copy", "1"},
        {"feature-rx-notify", "1"},
        {"feature-no-csum-offload", "1"},
        {"state", text_of(XenbusStateConnected)},
    };
    state_ = State::offered;
    const std::span<const XenStore::Entry> all{entries};
    if (!store_->write_all(directory_.view(), split ? all : all.subspan(1)))
        reconnect();
}

bool Netfront::open_ports(bool split) {
    const auto handler = [](void* self) { static_cast<Netfront*>(self)->serve(); };
    tx_port_ = events_->open(backend_domain_, handler, this);
    rx_port_ = split ? events_->open(backend_domain_, handler, this) : tx_port_;
    return tx_port_ != 0 && rx_port_ != 0;
}

void Netfront::disconnect() {
    if (rx_port_ != 0 && rx_port_ != tx_port_)
        events_->close(rx_port_);
    if (tx_port_ != 0)
        events_->close(tx_port_);
    tx_port_ = 0;
    rx_port_ = 0;
}

void Netfront::serve() {
    if (state_ != State::connected)
        return;
    const VifRings::Served served = rings_.serve();
    if (!served.in_step) {
        owner_.broken(owner_.subject);
        reconnect();
        return;
    }
    if (served.notify_tx)
        Events::notify(tx_port_);
    if (served.notify_rx && !(served.notify_tx && rx_port_ == tx_port_))
        Events::notify(rx_port_);
    if (served.more)
        events_->raise(rx_port_);
}

// A state that cannot be told is followed all the same: the backend then does not move, and the
// guest sleeps.
void Netfront::announce(State state, XenbusState told) {
    state_ = state;
    store_->write(Text{directory_}.add("/state").view(), text_of(told));
}

XenbusState Netfront::backend_state() {
    const auto answer = read_backend("state");
    if (!answer.ok || answer.text.size() != 1 || answer.text[0] < '0' || answer.text[0] > '8')
        return XenbusStateUnknown;
    return static_cast<XenbusState>(answer.text[0] - '0');
}

XenStore::Reply Netfront::read_backend(std::string_view key) {
    return store_->read(Text{backend_}.add("/").add(key).view());
}

}  // namespace guest
