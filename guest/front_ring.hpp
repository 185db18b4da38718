// SPDX-License-Identifier: BSD-3-Clause
// The guest's end of a ring of requests and responses in a shared page (xen/io/ring.h). Trusts
// nothing that the backend can write; its own counters lie where the backend cannot.
#pragma once

#include <bit>
#include <cstring>

#include "memory.hpp"
#include "ring.hpp"

namespace guest {

template <typename Shared, typename Request, typename Response>
class FrontRing {
  public:
    static constexpr RingIndex capacity =
        std::bit_floor((page_bytes - offsetof(Shared, ring)) / sizeof(Shared::ring[0]));

    // Takes a page of the guest's own and makes an empty ring of it.
    void start(void* page) {
        std::memset(page, 0, page_bytes);
        shared_ = static_cast<Shared*>(page);
        shared_->req_event = 1;
        shared_->rsp_event = 1;
        produced_ = 0;
        published_ = 0;
        consumed_ = 0;
    }

    // The place of the next request, and of the next response: they run freely.
    [[nodiscard]] RingIndex next_request() const { return produced_; }
    [[nodiscard]] RingIndex next_response() const { return consumed_; }

    // The caller keeps no more than `capacity` requests in flight.
    void put(const Request& request) { shared_->ring[produced_++ % capacity].req = request; }

    // Shows the requests to the backend; true if it has to be notified.
    [[nodiscard]] bool publish() {
        const RingIndex before = published_;
        if (before == produced_)
            return false;
        published_ = produced_;
        __atomic_store_n(&shared_->req_prod, published_, __ATOMIC_SEQ_CST);
        const RingIndex wanted = __atomic_load_n(&shared_->req_event, __ATOMIC_SEQ_CST);
        // A backend at rest waits for a request that it has not answered, or for the next. When
        // it names any other, it is awake, or its counter is damaged and would silence it for good.
        const bool possible = wanted - consumed_ - 1 <= published_ - consumed_;
        return published_ - wanted < published_ - before || !possible;
    }

    // How many responses wait. More than there are requests in flight: the ends of the ring are
    // out of step, and nothing in it means anything any more.
    [[nodiscard]] RingIndex waiting() const {
        return __atomic_load_n(&shared_->rsp_prod, __ATOMIC_ACQUIRE) - consumed_;
    }
    [[nodiscard]] bool out_of_step() const { return waiting() > published_ - consumed_; }

    // The next response, as the type that its place has; to be called when one waits.
    template <typename As = Response>
    [[nodiscard]] As take() {
        As response;
        std::memcpy(&response, &shared_->ring[consumed_++ % capacity], sizeof response);
        asm volatile("" : : : "memory");  // what was checked is what is used: no second look
        return response;
    }

    // Asks for an event with the next response; true if that is there already.
    [[nodiscard]] bool rest() {
        __atomic_store_n(&shared_->rsp_event, consumed_ + 1, __ATOMIC_SEQ_CST);
        return waiting() != 0;
    }

  private:
    Shared* shared_ = nullptr;
    RingIndex produced_ = 0;
    RingIndex published_ = 0;
    RingIndex consumed_ = 0;
};

}  // namespace guest
