// SPDX-License-Identifier: BSD-3-Clause
// XenStore: one request at a time on the guest's ring, and watches. Paths are relative to the
// guest's own directory.
#pragma once

#include <initializer_list>
#include <span>
#include <string_view>

#include "events.hpp"
#include "ring.hpp"

namespace guest {

class XenStore {
  public:
    struct Reply {
        bool ok;
        std::string_view text;  // the value, or the error's name; good until the next request
    };

    explicit XenStore(Events& events) : events_(&events) {}
    XenStore(const XenStore&) = delete;  // the event binding points here
    XenStore& operator=(const XenStore&) = delete;

    // Uses this ring from now on; to be done in each domain that the guest comes to, with all
    // watches to be set again.
    void connect(xenstore_domain_interface& shared, Port port);

    struct Entry {
        std::string_view key;
        std::string_view value;
    };

    Reply read(std::string_view path);
    Reply write(std::string_view path, std::string_view value);

    // The names in a directory, each ended by a zero. Cut off after 256 bytes.
    Reply list(std::string_view path);

    // Writes keys of a directory in this order, without waiting for each answer. All requests
    // together must find room in the ring: 1 KiB. False if one was refused.
    bool write_all(std::string_view directory, std::span<const Entry> entries);

    // Calls handler(subject) once at first, and then whenever something at or below `path`
    // changes; from the main loop, never in the middle of another request.
    Reply watch(std::string_view path, Events::Handler handler, void* subject);

  private:
    struct Watch {
        Events::Handler handler;
        void* subject;
        bool fired;
    };

    using Payload = std::initializer_list<std::string_view>;

    Reply request(xsd_sockmsg_type type, Payload payload);
    void post(xsd_sockmsg_type type, Payload payload);
    Reply await(std::uint32_t request);
    void send(std::span<const char> bytes);
    void receive(std::span<char> bytes);
    bool take_message(xsd_sockmsg& header);
    void note_watch(std::string_view event);
    void serve_watches();
    void wait();

    [[nodiscard]] RingWriter requests() const {
        return {shared_->req, shared_->req_prod, shared_->req_cons};
    }
    [[nodiscard]] RingReader replies() const {
        return {shared_->rsp, shared_->rsp_prod, shared_->rsp_cons};
    }

    Events* events_;
    xenstore_domain_interface* shared_ = nullptr;
    Port port_ = 0;
    std::uint32_t last_request_ = 0;
    Watch watches_[5] = {};  // control/shutdown, and one for each of 4 vifs
    unsigned watched_ = 0;
    char payload_[256] = {};  // of the message taken last; longer ones are cut off
    std::size_t payload_bytes_ = 0;
};

}  // namespace guest
