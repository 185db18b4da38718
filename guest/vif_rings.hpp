// SPDX-License-Identifier: BSD-3-Clause
// The two rings of a vif and the buffers behind them (xen/io/netif.h): takes frames in, has each
// answered in its place, sends the answers. What the backend writes is checked, never believed.
#pragma once

#include <span>

#include "front_ring.hpp"
#include "grants.hpp"

namespace guest {

// A frame of Ethernet without tags: no offloads are offered, so none is longer.
inline constexpr std::size_t max_frame_bytes = 1514;

// Makes the answer to the frame in the first `bytes` of `room` in its place; returns the bytes of
// the answer, 0 for none.
using Answer = std::size_t (*)(void* subject, std::span<std::uint8_t> room, std::size_t bytes);

class VifRings {
  public:
    struct Served {
        bool in_step = true;     // false: start afresh, together with the backend
        bool more = false;       // serve again: there was more than fits one turn
        bool notify_tx = false;  // the backend waits to be told
        bool notify_rx = false;
    };

    VifRings(Grants& grants, Answer answer, void* subject)
        : grants_(&grants), answer_(answer), subject_(subject) {}

    // The vif's pages, taken once, and the first of its grants. False if there is too little
    // memory.
    [[nodiscard]] bool take_memory(Memory& memory, unsigned vif);

    // Fresh rings, granted to `backend`, all receive buffers posted. False if grants are held up.
    [[nodiscard]] bool start(domid_t backend);

    // Ends the grants, as far as the backend has let go of the pages.
    void stop();

    [[nodiscard]] grant_ref_t tx_ring_grant() const { return first_grant_; }
    [[nodiscard]] grant_ref_t rx_ring_grant() const { return first_grant_ + 1; }

    // Takes what has come, in bounded time, and asks for events with what is next.
    [[nodiscard]] Served serve();

    // Sends a frame of the guest's own; false if no buffer is free. serve() shows it to the
    // backend.
    bool send(std::span<const std::uint8_t> frame);

  private:
    using TxRing = FrontRing<netif_tx_sring, netif_tx_request, netif_tx_response>;
    using RxRing = FrontRing<netif_rx_sring, netif_rx_request, netif_rx_response>;

    static constexpr unsigned rx_buffers = 32;  // a page each: the backend fills from its start
    static constexpr unsigned tx_buffers = 16;  // two a page
    static constexpr std::size_t tx_bytes = page_bytes / 2;
    static constexpr unsigned tx_pages = tx_buffers * tx_bytes / page_bytes;
    static constexpr unsigned pages = 2 + rx_buffers + tx_pages;

    [[nodiscard]] std::uint8_t* page(unsigned number) const { return pages_ + number * page_bytes; }
    [[nodiscard]] std::uint8_t* rx_buffer(unsigned id) const { return page(2 + id); }
    [[nodiscard]] std::span<std::uint8_t> tx_buffer(unsigned id) const {
        return {page(2 + rx_buffers) + id * tx_bytes, tx_bytes};
    }

    bool reclaim();
    bool receive(bool& more);
    bool take_frame();
    void deliver(unsigned id, const netif_rx_response& response);
    void post(unsigned id);
    void transmit(unsigned id, std::size_t bytes);

    Grants* grants_;
    Answer answer_;
    void* subject_;
    std::uint8_t* pages_ = nullptr;
    grant_ref_t first_grant_ = 0;
    TxRing tx_;
    RxRing rx_;
    std::uint32_t rx_posted_ = 0;  // a bit for each buffer that is with the backend
    std::uint32_t tx_sent_ = 0;
    std::uint8_t rx_order_[rx_buffers] = {};  // which buffer was posted with which request
    bool extra_next_ = false;                 // the next response is extra info of this frame
    bool in_frame_ = false;                   // the next response continues this frame
};

}  // namespace guest
