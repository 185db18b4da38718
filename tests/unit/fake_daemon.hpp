// SPDX-License-Identifier: BSD-3-Clause
// FakeDaemon: a thread that plays XenStore's daemon on a Unix socket, as a test scripts it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/descriptor.hpp"

namespace xcl::test {

// A message of the protocol (xen/io/xs_wire.h).
struct WireMessage {
    std::uint32_t type = 0;
    std::uint32_t request = 0;
    std::uint32_t transaction = 0;
    std::string body;
};

[[nodiscard]] std::string encoded(const WireMessage& message);

// The daemon's end of a connection. Its members throw when the client hangs up, or does nothing for
// ten seconds: that ends the script, and the connection with it.
class DaemonEnd {
  public:
    explicit DaemonEnd(Descriptor socket);

    [[nodiscard]] WireMessage receive();
    [[nodiscard]] std::vector<WireMessage> receive(std::size_t count);
    // Whether the client has sent anything more.
    [[nodiscard]] bool has_more() const;

    void reply(const WireMessage& to, std::string_view body);
    // With an error by its name.
    void refuse(const WireMessage& to, std::string_view name);
    void event(std::string_view path, std::string_view token);
    void send_raw(std::string_view bytes);

  private:
    Descriptor socket_;
};

class FakeDaemon {
  public:
    using Script = std::function<void(DaemonEnd&)>;

    // Listens on a socket of its own and plays the script to the first who connects.
    explicit FakeDaemon(Script script);
    // Waits for the script's end.
    ~FakeDaemon();
    FakeDaemon(const FakeDaemon&) = delete;
    FakeDaemon& operator=(const FakeDaemon&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string directory_;
    std::string path_;
    Descriptor listener_;
    std::thread thread_;
};

}  // namespace xcl::test
