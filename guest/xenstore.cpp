// SPDX-License-Identifier: BSD-3-Clause
// XenStore: one request at a time on the guest's ring, and watches. The protocol is in
// xen/io/xs_wire.h.
#include "xenstore.hpp"

#include <algorithm>
#include <iterator>

namespace guest {

namespace {
constexpr std::string_view end_of_text{"\0", 1};
}  // namespace

// Requests are not left unanswered, but events of watches of a former domain may be left over in
// the ring, even a piece of one whose rest was never sent.
void XenStore::connect(xenstore_domain_interface& shared, Port port) {
    shared_ = &shared;
    port_ = port;
    watched_ = 0;
    __atomic_store_n(&shared_->rsp_cons, __atomic_load_n(&shared_->rsp_prod, __ATOMIC_ACQUIRE),
                     __ATOMIC_RELEASE);
    events_->bind(
        port, [](void* self) { static_cast<XenStore*>(self)->serve_watches(); }, this);
}

XenStore::Reply XenStore::read(std::string_view path) {
    return request(XS_READ, {path, end_of_text});
}

XenStore::Reply XenStore::write(std::string_view path, std::string_view value) {
    return request(XS_WRITE, {path, end_of_text, value});
}

XenStore::Reply XenStore::list(std::string_view path) {
    return request(XS_DIRECTORY, {path, end_of_text});
}

// The daemon always finds room to answer: what it answers to a KiB of writes is shorter. So it
// takes them all, however late we read.
bool XenStore::write_all(std::string_view directory, std::span<const Entry> entries) {
    const std::uint32_t before = last_request_;
    for (const Entry& entry : entries)
        post(XS_WRITE, {directory, "/", entry.key, end_of_text, entry.value});
    Events::notify(port_);
    const std::uint32_t last = last_request_;
    bool ok = true;
    for (std::uint32_t request = before; request != last;)
        ok &= await(++request).ok;
    return ok;
}

XenStore::Reply XenStore::watch(std::string_view path, Events::Handler handler, void* subject) {
    if (watched_ == std::size(watches_))
        __builtin_trap();
    // The token by which events name the watch: its place, as a letter.
    const char token = static_cast<char>('a' + watched_);
    watches_[watched_++] = {handler, subject, false};
    return request(XS_WATCH, {path, end_of_text, {&token, 1}, end_of_text});
}

XenStore::Reply XenStore::request(xsd_sockmsg_type type, Payload payload) {
    post(type, payload);
    Events::notify(port_);
    return await(last_request_);
}

void XenStore::post(xsd_sockmsg_type type, Payload payload) {
    xsd_sockmsg header{};
    header.type = type;
    header.req_id = ++last_request_;
    for (const std::string_view piece : payload)
        header.len += static_cast<std::uint32_t>(piece.size());
    send({reinterpret_cast<const char*>(&header), sizeof header});
    for (const std::string_view piece : payload)
        send(piece);
}

XenStore::Reply XenStore::await(std::uint32_t request) {
    xsd_sockmsg answer{};
    do {
        while (!take_message(answer))
            wait();
    } while (answer.type == XS_WATCH_EVENT || answer.req_id != request);

    std::string_view text{payload_, payload_bytes_};
    if (answer.type == XS_ERROR)
        text = text.substr(0, text.find('\0'));
    return {answer.type != XS_ERROR, text};
}

void XenStore::send(std::span<const char> bytes) {
    for (;;) {
        bytes = bytes.subspan(requests().write(bytes));
        if (bytes.empty())
            return;
        Events::notify(port_);
        wait();
    }
}

void XenStore::receive(std::span<char> bytes) {
    for (;;) {
        bytes = bytes.subspan(replies().read(bytes));
        if (bytes.empty())
            return;
        Events::notify(port_);
        wait();
    }
}

bool XenStore::take_message(xsd_sockmsg& header) {
    if (replies().readable() == 0)
        return false;
    receive({reinterpret_cast<char*>(&header), sizeof header});
    payload_bytes_ = std::min<std::size_t>(header.len, sizeof payload_);
    receive({payload_, payload_bytes_});
    for (std::size_t at = payload_bytes_; at < header.len; ++at) {
        char cut_off = 0;
        receive({&cut_off, 1});
    }
    Events::notify(port_);  // the daemon may be waiting for room
    if (header.type == XS_WATCH_EVENT)
        note_watch({payload_, payload_bytes_});
    return true;
}

// An event carries the path that changed and the token, each ended by a zero.
void XenStore::note_watch(std::string_view event) {
    const std::size_t path_end = event.find('\0');
    if (path_end == std::string_view::npos || path_end + 1 >= event.size())
        return;
    const auto place = static_cast<unsigned>(event[path_end + 1] - 'a');
    if (place < watched_)
        watches_[place].fired = true;
}

void XenStore::serve_watches() {
    for (xsd_sockmsg header{}; take_message(header);) {
    }
    for (unsigned at = 0; at < watched_; ++at) {
        if (!watches_[at].fired)
            continue;
        watches_[at].fired = false;
        watches_[at].handler(watches_[at].subject);
    }
}

void XenStore::wait() {
    events_->sleep();
    events_->collect();
}

}  // namespace guest
