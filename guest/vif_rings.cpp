// SPDX-License-Identifier: BSD-3-Clause
// The two rings of a vif and the buffers behind them.
#include "vif_rings.hpp"

#include <bit>

namespace guest {

static_assert(Grants::end - Grants::first >= 4 * 42, "four vifs");

bool VifRings::take_memory(Memory& memory, unsigned vif) {
    first_grant_ = Grants::first + vif * pages;
    if (first_grant_ + pages > Grants::end)
        return false;
    if (pages_ == nullptr)
        pages_ = static_cast<std::uint8_t*>(memory.take_pages(pages));
    return pages_ != nullptr;
}

bool VifRings::start(domid_t backend) {
    for (unsigned at = 0; at < pages; ++at) {
        // What the guest sends it alone writes, so that no check can be undone behind its back.
        const auto access =
            at < 2 + rx_buffers ? Grants::Access::read_write : Grants::Access::read_only;
        if (!grants_->allow(first_grant_ + at, backend, page(at), access))
            return false;
    }
    tx_.start(page(0));
    rx_.start(page(1));
    rx_posted_ = 0;
    tx_sent_ = 0;
    extra_next_ = false;
    in_frame_ = false;
    for (unsigned id = 0; id < rx_buffers; ++id)
        post(id);
    static_cast<void>(rx_.publish());  // nobody is there yet to be notified
    return true;
}

void VifRings::stop() {
    for (unsigned at = 0; at < pages; ++at)
        grants_->revoke(first_grant_ + at);
}

VifRings::Served VifRings::serve() {
    Served served;
    served.in_step = reclaim() && receive(served.more);
    if (!served.in_step)
        return served;
    served.notify_tx = tx_.publish();
    served.notify_rx = rx_.publish();
    served.more |= tx_.rest();
    return served;
}

// Takes back the buffers that were sent. Whether they arrived is of no use here.
bool VifRings::reclaim() {
    if (tx_.out_of_step())
        return false;
    for (RingIndex left = tx_.waiting(); left > 0; --left) {
        const unsigned id = tx_.take().id;
        if (id >= tx_buffers || (tx_sent_ >> id & 1) == 0)
            return false;
        tx_sent_ &= ~(1U << id);
    }
    return true;
}

// Without a free buffer for the answer a frame stays in the ring: the backend has to return one,
// and that is an event too. So rest() is left out then, or the guest would not sleep.
bool VifRings::receive(bool& more) {
    if (rx_.out_of_step())
        return false;
    for (RingIndex left = rx_.waiting(); left > 0; --left) {
        if (tx_sent_ == (1U << tx_buffers) - 1)
            return true;
        if (!take_frame())
            return false;
    }
    more = rx_.rest();
    return true;
}

// Takes one response. An extra info says nothing of its buffer; backends answer in the order of
// the requests, and where that does not hold the two ends are out of step.
bool VifRings::take_frame() {
    unsigned id = rx_order_[rx_.next_response() % rx_buffers];
    netif_rx_response response{};
    const bool extra = extra_next_;
    if (extra) {
        extra_next_ = (rx_.take<netif_extra_info>().flags & XEN_NETIF_EXTRA_FLAG_MORE) != 0;
    } else {
        response = rx_.take();
        id = response.id;
    }
    if (id >= rx_buffers || (rx_posted_ >> id & 1) == 0)
        return false;
    rx_posted_ &= ~(1U << id);
    if (!extra) {
        // Neither a size nor an error: the backend has not written this.
        if (response.status == 0)
            return false;
        const bool whole = !in_frame_ && (response.flags & NETRXF_more_data) == 0;
        in_frame_ = (response.flags & NETRXF_more_data) != 0;
        extra_next_ = (response.flags & NETRXF_extra_info) != 0;
        // Frames of several pieces, or with extra info, come to those who offered to take them.
        if (whole && !extra_next_)
            deliver(id, response);
    }
    post(id);
    return true;
}

void VifRings::deliver(unsigned id, const netif_rx_response& response) {
    if (response.status < 0)
        return;
    const auto bytes = static_cast<std::size_t>(response.status);
    if (bytes > max_frame_bytes || response.offset > page_bytes - bytes)
        return;
    const auto free = static_cast<unsigned>(std::countr_one(tx_sent_));
    const std::span<std::uint8_t> room = tx_buffer(free);
    std::memcpy(room.data(), rx_buffer(id) + response.offset, bytes);
    const std::size_t answer_bytes = answer_(subject_, room, bytes);
    if (answer_bytes != 0)
        transmit(free, answer_bytes);
}

void VifRings::post(unsigned id) {
    rx_order_[rx_.next_request() % rx_buffers] = static_cast<std::uint8_t>(id);
    rx_posted_ |= 1U << id;
    rx_.put({static_cast<std::uint16_t>(id), 0, first_grant_ + 2 + id});
}

void VifRings::transmit(unsigned id, std::size_t bytes) {
    tx_sent_ |= 1U << id;
    netif_tx_request request{};
    request.gref = first_grant_ + 2 + rx_buffers + id / 2;
    request.offset = static_cast<std::uint16_t>(id % 2 * tx_bytes);
    request.id = static_cast<std::uint16_t>(id);
    request.size = static_cast<std::uint16_t>(bytes);
    tx_.put(request);
}

bool VifRings::send(std::span<const std::uint8_t> frame) {
    const auto free = static_cast<unsigned>(std::countr_one(tx_sent_));
    if (free >= tx_buffers || frame.size() > tx_bytes)
        return false;
    std::memcpy(tx_buffer(free).data(), frame.data(), frame.size());
    transmit(free, frame.size());
    return true;
}

}  // namespace guest
