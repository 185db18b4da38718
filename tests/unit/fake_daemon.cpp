// SPDX-License-Identifier: BSD-3-Clause
// Plays a script to the client that connects.
#include "fake_daemon.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

namespace xcl::test {
namespace {

[[noreturn]] void fail(const char* call) {
    throw std::system_error(errno, std::generic_category(), call);
}

std::string new_directory() {
    std::string path = "/tmp/fake-daemon-XXXXXX";
    if (mkdtemp(path.data()) == nullptr)
        fail("mkdtemp");
    return path;
}

Descriptor listening(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(path, address.sun_path);
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        fail("bind");
    if (listen(socket.get(), 1) != 0)
        fail("listen");
    return socket;
}

}  // namespace

std::string encoded(const WireMessage& message) {
    const xsd_sockmsg header{.type = message.type,
                             .req_id = message.request,
                             .tx_id = message.transaction,
                             .len = static_cast<std::uint32_t>(message.body.size())};
    std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
    return bytes += message.body;
}

DaemonEnd::DaemonEnd(Descriptor socket) : socket_(std::move(socket)) {
    const timeval limit{.tv_sec = 10, .tv_usec = 0};
    if (setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
        setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0)
        fail("setsockopt");
}

WireMessage DaemonEnd::receive() {
    const auto fill = [&](void* to, std::size_t size) {
        if (size != 0 && recv(socket_.get(), to, size, MSG_WAITALL) != static_cast<ssize_t>(size))
            throw std::runtime_error("the client sends no more");
    };
    xsd_sockmsg header{};
    fill(&header, sizeof header);
    WireMessage message{header.type, header.req_id, header.tx_id, std::string(header.len, '\0')};
    fill(message.body.data(), message.body.size());
    return message;
}

std::vector<WireMessage> DaemonEnd::receive(std::size_t count) {
    std::vector<WireMessage> messages;
    while (messages.size() < count)
        messages.push_back(receive());
    return messages;
}

bool DaemonEnd::has_more() const {
    pollfd ready{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    constexpr int while_ms = 50;
    char byte = 0;
    return poll(&ready, 1, while_ms) == 1 &&
           recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

void DaemonEnd::reply(const WireMessage& to, std::string_view body) {
    send_raw(encoded({to.type, to.request, to.transaction, std::string(body)}));
}

void DaemonEnd::refuse(const WireMessage& to, std::string_view name) {
    send_raw(encoded({XS_ERROR, to.request, to.transaction, std::string(name).append(1, '\0')}));
}

void DaemonEnd::event(std::string_view path, std::string_view token) {
    send_raw(encoded(
        {XS_WATCH_EVENT, 0, 0, std::string(path).append(1, '\0').append(token).append(1, '\0')}));
}

void DaemonEnd::send_raw(std::string_view bytes) {
    while (!bytes.empty()) {
        const iovec part{.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
        msghdr message{};
        message.msg_iov = const_cast<iovec*>(&part);
        message.msg_iovlen = 1;
        const ssize_t sent = sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
        if (sent < 0)
            throw std::runtime_error("the client reads no more");
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

FakeDaemon::FakeDaemon(Script script)
    : directory_(new_directory()),
      path_(directory_ + "/socket"),
      listener_(listening(path_)),
      thread_([this, script = std::move(script)] {
          try {
              DaemonEnd end(Descriptor(accept(listener_.get(), nullptr, nullptr)));
              script(end);
          } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch)
              // The client went away: what it met is for its test to judge.
          }
      }) {}

FakeDaemon::~FakeDaemon() {
    shutdown(listener_.get(), SHUT_RDWR);  // ends an accept that nobody answered
    thread_.join();
    unlink(path_.c_str());
    rmdir(directory_.c_str());
}

}  // namespace xcl::test
