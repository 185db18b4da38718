// SPDX-License-Identifier: BSD-3-Clause
// Console: the guest's end of xenconsoled's ring.
#include "console.hpp"

namespace guest {

namespace {
// xenconsoled takes a full ring within milliseconds; a busy host with hundreds of guests needs
// longer, and one without xenconsoled never does.
constexpr std::uint64_t drain_limit_ns = 1'000'000'000;
}  // namespace

void Console::connect(xencons_interface* shared, Port port) {
    shared_ = shared;
    port_ = port;
    if (handler_ != nullptr)
        listen(handler_, subject_);
}

void Console::listen(Events::Handler handler, void* subject) {
    handler_ = handler;
    subject_ = subject;
    if (shared_ != nullptr)
        events_->bind(port_, handler, subject);
}

void Console::put(std::string_view text) {
    if (shared_ == nullptr)
        return;
    RingWriter ring = output();
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        ring.write(line);
        text.remove_prefix(line.size());
        if (!text.empty()) {
            ring.write(std::string_view{"\r\n"});
            text.remove_prefix(1);
        }
    }
}

void Console::send() {
    if (shared_ != nullptr)
        Events::notify(port_);
}

std::size_t Console::room() const {
    return shared_ == nullptr ? 0 : output().room();
}

std::size_t Console::read(std::span<char> into) {
    return shared_ == nullptr ? 0 : input().read(into);
}

void Console::drain() {
    if (shared_ == nullptr)
        return;
    const std::uint64_t deadline_ns = clock_->now_ns() + drain_limit_ns;
    for (;;) {
        events_->clear(port_);
        if (room() == sizeof shared_->out || clock_->now_ns() >= deadline_ns)
            return;
        events_->wait_for(port_, deadline_ns);
    }
}

}  // namespace guest
