// SPDX-License-Identifier: BSD-3-Clause
// The XenStore protocol on a stream socket.
#include "xenstore/socket_store.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <xen/io/xs_wire.h>

#include "core/poll_until.hpp"
#include "core/stopwatch.hpp"
#include "xcl/error.hpp"

namespace xcl::xenstore {
namespace {

constexpr std::size_t receive_chunk = 1024;  // fifty short replies; more would touch a page more

std::uint32_t wire_type(StoreRequest::Operation operation) {
    switch (operation) {
        case StoreRequest::Operation::read:
            return XS_READ;
        case StoreRequest::Operation::directory:
            return XS_DIRECTORY;
        case StoreRequest::Operation::write:
            return XS_WRITE;
        case StoreRequest::Operation::make_directory:
            return XS_MKDIR;
        case StoreRequest::Operation::remove:
            return XS_RM;
        case StoreRequest::Operation::set_permissions:
            return XS_SET_PERMS;
        case StoreRequest::Operation::introduce:
            return XS_INTRODUCE;
        case StoreRequest::Operation::resume:
            return XS_RESUME;
    }
    return XS_INVALID;
}

// Errors travel as the names of errno values.
int errno_named(std::string_view name) {
    if (!name.empty() && name.back() == '\0')
        name.remove_suffix(1);
    for (const struct xsd_errors& entry : xsd_errors)
        if (name == entry.errstring)
            return entry.errnum;
    return EIO;
}

[[noreturn]] void throw_lost(std::string_view call, int error) {
    throw Error({.doing = "talk to XenStore",
                 .call = std::string(call),
                 .error = error,
                 .problem = error == 0 ? "the daemon closed the connection" : "",
                 .hint = "is xenstored (or oxenstored) still running?"});
}

[[noreturn]] void throw_protocol_broken() {
    throw Error({.doing = "talk to XenStore", .problem = "its daemon breaks the protocol"});
}

Descriptor connected(std::string_view path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        throw Error({.doing = "reach XenStore", .problem = "the socket's path is too long"});
    std::ranges::copy(path, address.sun_path);

    Descriptor fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd.is_open())
        throw Error({.doing = "reach XenStore", .call = "socket", .error = errno});
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
        return fd;

    const int error = errno;
    Failure failure{
        .doing = "reach XenStore", .call = fmt::format("connect to {}", path), .error = error};
    if (error == ENOENT || error == ECONNREFUSED)
        failure.hint = "its daemon does not run: start xenstored (or oxenstored) first";
    if (error == EACCES || error == EPERM)
        failure.hint = "this takes root's rights: try it with sudo";
    throw Error(std::move(failure));
}

std::string body_of(const StoreRequest& request) {
    std::string body = request.path;
    body.push_back('\0');
    return body += request.value;
}

}  // namespace

SocketStore::SocketStore(Stopwatch& stopwatch, std::string_view socket) : stopwatch_(stopwatch) {
    const Stopwatch::Span span = stopwatch_.store();
    socket_ = connected(socket);
}

std::uint32_t SocketStore::append(std::uint32_t type, std::string_view body) {
    const xsd_sockmsg header{.type = type,
                             .req_id = next_request_,
                             .tx_id = 0,
                             .len = static_cast<std::uint32_t>(body.size())};
    outgoing_.append(reinterpret_cast<const char*>(&header), sizeof header);
    outgoing_.append(body);
    return next_request_++;
}

// Thousands of requests do not fit into the socket. While it is full, replies are taken: a daemon
// that cannot get rid of them may stop to read.
void SocketStore::send_all() {
    const std::string messages = std::exchange(outgoing_, {});
    std::string_view rest = messages;
    while (!rest.empty()) {
        const ssize_t sent =
            send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            rest.remove_prefix(static_cast<std::size_t>(sent));
            continue;
        }
        if (errno != EAGAIN && errno != EINTR)
            throw_lost("send", errno);
        pollfd ready{.fd = socket_.get(), .events = POLLIN | POLLOUT, .revents = 0};
        if (poll(&ready, 1, -1) < 0 && errno != EINTR)
            throw_lost("poll", errno);
        if ((ready.revents & POLLIN) != 0)
            read_more();
    }
}

void SocketStore::read_more() {
    incoming_.erase(incoming_.begin(), incoming_.begin() + static_cast<std::ptrdiff_t>(consumed_));
    consumed_ = 0;
    const std::size_t have = incoming_.size();
    incoming_.resize(have + receive_chunk);
    ssize_t got = 0;
    do
        got = recv(socket_.get(), incoming_.data() + have, receive_chunk, 0);
    while (got < 0 && errno == EINTR);
    incoming_.resize(have + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got <= 0)
        throw_lost("recv", got < 0 ? errno : 0);
}

SocketStore::Message SocketStore::receive() {
    xsd_sockmsg header{};
    while (incoming_.size() - consumed_ < sizeof header)
        read_more();
    std::memcpy(&header, incoming_.data() + consumed_, sizeof header);
    if (header.len > XENSTORE_PAYLOAD_MAX)
        throw_protocol_broken();
    while (incoming_.size() - consumed_ < sizeof header + header.len)
        read_more();
    const char* const body = incoming_.data() + consumed_ + sizeof header;
    consumed_ += sizeof header + header.len;
    return {header.type, header.req_id, std::string(body, header.len)};
}

void SocketStore::keep_event(const Message& message) {
    const std::size_t middle = message.body.find('\0');
    const std::size_t end = message.body.find('\0', middle + 1);
    if (middle == std::string::npos || end == std::string::npos)
        throw_protocol_broken();
    events_.push_back(
        {message.body.substr(0, middle), message.body.substr(middle + 1, end - middle - 1)});
}

StoreReply SocketStore::receive_reply(std::uint32_t request) {
    for (;;) {
        Message message = receive();
        if (message.type == XS_WATCH_EVENT) {
            keep_event(message);
            continue;
        }
        if (message.request != request)
            throw_protocol_broken();
        if (message.type == XS_ERROR)
            return {errno_named(message.body), {}};
        return {0, std::move(message.body)};
    }
}

// A directory of more names than fit into one message comes in parts, each with the directory's
// generation before it; when that changes, somebody changed the directory, and it starts anew.
StoreReply SocketStore::large_directory(const std::string& path) {
    StoreReply whole;
    std::string generation;
    for (;;) {
        const std::uint32_t request =
            append(XS_DIRECTORY_PART, std::string(path)
                                          .append(1, '\0')
                                          .append(std::to_string(whole.value.size()))
                                          .append(1, '\0'));
        send_all();
        StoreReply part = receive_reply(request);
        const std::size_t start = part.value.find('\0');
        if (part.error != 0)
            return part;
        if (start == std::string::npos)
            throw_protocol_broken();
        const std::string now = part.value.substr(0, start);
        if (!whole.value.empty() && now != generation) {
            whole.value.clear();
            continue;
        }
        if (part.value.size() == start + 1)
            throw_protocol_broken();  // a part of nothing: this would never end
        generation = now;
        whole.value.append(part.value, start + 1);
        // An empty name ends the list.
        if (whole.value.ends_with(std::string_view("\0\0", 2)) ||
            whole.value == std::string(1, '\0')) {
            whole.value.pop_back();
            return whole;
        }
    }
}

std::vector<StoreReply> SocketStore::exchange(std::span<const StoreRequest> requests) {
    const Stopwatch::Span span = stopwatch_.store();
    const std::uint32_t first = next_request_;
    for (const StoreRequest& request : requests) {
        const std::string body = body_of(request);
        if (body.size() > XENSTORE_PAYLOAD_MAX) {
            outgoing_.clear();
            throw Error({.doing = "talk to XenStore", .call = describe(request), .error = E2BIG});
        }
        append(wire_type(request.operation), body);
    }
    send_all();

    std::vector<StoreReply> replies;
    replies.reserve(requests.size());
    for (std::uint32_t number = 0; number < requests.size(); ++number)
        replies.push_back(receive_reply(first + number));
    for (std::size_t i = 0; i < requests.size(); ++i)
        if (replies[i].error == E2BIG &&
            requests[i].operation == StoreRequest::Operation::directory)
            replies[i] = large_directory(requests[i].path);
    return replies;
}

void SocketStore::one_request(std::uint32_t type, std::string_view call, const std::string& body) {
    const Stopwatch::Span span = stopwatch_.store();
    const std::uint32_t request = append(type, body);
    send_all();
    if (const StoreReply reply = receive_reply(request); reply.error != 0)
        throw Error({.doing = "watch XenStore", .call = std::string(call), .error = reply.error});
}

void SocketStore::watch(std::string_view path, std::string_view token) {
    one_request(XS_WATCH, "XS_WATCH",
                std::string(path).append(1, '\0').append(token).append(1, '\0'));
}

void SocketStore::unwatch(std::string_view path, std::string_view token) {
    one_request(XS_UNWATCH, "XS_UNWATCH",
                std::string(path).append(1, '\0').append(token).append(1, '\0'));
    std::erase_if(events_, [&](const WatchEvent& event) { return event.token == token; });
}

std::optional<WatchEvent> SocketStore::wait_event(std::chrono::steady_clock::time_point deadline) {
    const Stopwatch::Span span = stopwatch_.store();
    while (events_.empty()) {
        if (incoming_.size() == consumed_) {
            const int count = poll_until(socket_.get(), POLLIN, deadline);
            if (count < 0)
                throw_lost("poll", errno);
            if (count == 0)
                return std::nullopt;
        }
        const Message message = receive();
        if (message.type != XS_WATCH_EVENT)
            throw_protocol_broken();
        keep_event(message);
    }
    WatchEvent event = std::move(events_.front());
    events_.pop_front();
    return event;
}

}  // namespace xcl::xenstore
