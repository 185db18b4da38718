// SPDX-License-Identifier: BSD-3-Clause
// Store: the seam to XenStore. Requests and replies are data; xenstore/ carries them to the
// daemon's socket, tests fake them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "xcl/domain_id.hpp"

namespace xcl {

struct StoreRequest {
    enum class Operation {
        read,
        directory,
        write,
        make_directory,
        remove,
        set_permissions,
        introduce,
        resume,
    };

    Operation operation = Operation::read;
    std::string path;   // of introduce and resume: the domain id
    std::string value;  // as it travels: parts separated by NUL where there are several

    friend bool operator==(const StoreRequest&, const StoreRequest&) = default;
};

[[nodiscard]] StoreRequest store_read(std::string path);
[[nodiscard]] StoreRequest store_directory(std::string path);
[[nodiscard]] StoreRequest store_write(std::string path, std::string value);
// Makes an empty node, unless it is there already.
[[nodiscard]] StoreRequest store_make_directory(std::string path);
// Removes the node and all below it.
[[nodiscard]] StoreRequest store_remove(std::string path);
// Permissions in the wire's notation, owner and default first: {"n0", "r5"}.
[[nodiscard]] StoreRequest store_permissions(std::string path,
                                             std::span<const std::string> permissions);
// Connects the daemon to the guest's ring. It maps the ring by grant and ignores the frame.
[[nodiscard]] StoreRequest store_introduce(DomainId id, std::uint64_t frame, std::uint32_t port);
// Tells the daemon that a suspended guest, of which it heard that it had ended, runs on.
[[nodiscard]] StoreRequest store_resume(DomainId id);

// A name for messages: "XS_WRITE /local/domain/5/name".
[[nodiscard]] std::string describe(const StoreRequest& request);

struct StoreReply {
    int error = 0;      // errno, 0 when done
    std::string value;  // what read returned; of directory, names that each end in NUL
};

// The names in a reply to store_directory.
[[nodiscard]] std::vector<std::string> directory_names(const StoreReply& reply);

struct WatchEvent {
    std::string path;
    std::string token;
};

class Store {
  public:
    Store() = default;
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;
    virtual ~Store() = default;

    // Sends all requests in one go and returns their replies in the same order: one wait on the
    // daemon, however many requests. A refused request shows in its reply; throws Error only when
    // the daemon is out of reach.
    [[nodiscard]] virtual std::vector<StoreReply> exchange(
        std::span<const StoreRequest> requests) = 0;

    // Asks for an event whenever the node at `path` or one below it changes, and for one at once.
    virtual void watch(std::string_view path, std::string_view token) = 0;
    virtual void unwatch(std::string_view path, std::string_view token) = 0;

    // Sleeps until an event of a watch comes; nothing when the deadline passes first.
    [[nodiscard]] virtual std::optional<WatchEvent> wait_event(
        std::chrono::steady_clock::time_point deadline) = 0;
};

}  // namespace xcl
