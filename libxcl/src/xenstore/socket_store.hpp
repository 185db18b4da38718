// SPDX-License-Identifier: BSD-3-Clause
// SocketStore: the Store port on the daemon's Unix socket, written so that any number of requests
// costs one send and one wait.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include "core/descriptor.hpp"
#include "core/stopwatch.hpp"
#include "ports/store.hpp"

namespace xcl::xenstore {

// Where xenstored and oxenstored listen.
inline constexpr std::string_view default_socket = "/run/xenstored/socket";

class SocketStore final : public Store {
  public:
    // Connects. Throws Error when no daemon listens or the rights are missing. Has its
    // time taken by `stopwatch`, which outlives it.
    explicit SocketStore(Stopwatch& stopwatch, std::string_view socket = default_socket);

    std::vector<StoreReply> exchange(std::span<const StoreRequest> requests) override;
    void watch(std::string_view path, std::string_view token) override;
    void unwatch(std::string_view path, std::string_view token) override;
    std::optional<WatchEvent> wait_event(std::chrono::steady_clock::time_point deadline) override;

  private:
    // A message of the protocol (xen/io/xs_wire.h).
    struct Message {
        std::uint32_t type = 0;
        std::uint32_t request = 0;
        std::string body;
    };

    // Queues a message; returns the number that its reply will carry.
    std::uint32_t append(std::uint32_t type, std::string_view body);
    void send_all();
    Message receive();
    void keep_event(const Message& message);
    // The reply to that request; watch events before it are kept for wait_event.
    StoreReply receive_reply(std::uint32_t request);
    StoreReply large_directory(const std::string& path);
    void read_more();
    void one_request(std::uint32_t type, std::string_view call, const std::string& body);

    Stopwatch& stopwatch_;
    Descriptor socket_;
    std::uint32_t next_request_ = 0;  // never used twice: a late reply answers nothing else
    std::string outgoing_;
    std::vector<char> incoming_;
    std::size_t consumed_ = 0;  // of incoming_
    std::deque<WatchEvent> events_;
};

}  // namespace xcl::xenstore
