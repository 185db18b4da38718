// SPDX-License-Identifier: BSD-3-Clause
// Two queues of bytes with a lock.
#include "link_pair.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <utility>

#include "xcl/error.hpp"

namespace xcl::test {
namespace {

std::size_t index_of(Way way) {
    return static_cast<std::size_t>(way);
}

}  // namespace

struct LinkPair::Wire {
    std::mutex mutex;
    std::condition_variable changed;
    std::array<std::deque<std::byte>, 2> queues;
    std::array<std::size_t, 2> limits{};
    std::array<std::size_t, 2> carried{};
    bool cut = false;
    std::array<bool, 2> gone{};  // the end that writes that way

    void write(Way way, std::span<const std::byte> bytes) {
        const std::lock_guard lock(mutex);
        const std::size_t at = index_of(way);
        const std::size_t passes = cut ? 0 : std::min(bytes.size(), limits[at] - carried[at]);
        queues[at].insert(queues[at].end(), bytes.begin(),
                          bytes.begin() + static_cast<std::ptrdiff_t>(passes));
        carried[at] += passes;
        cut = cut || carried[at] == limits[at];
        changed.notify_all();
        if (passes < bytes.size() || gone[1 - at])
            throw Error({.doing = "send", .call = "send", .error = EPIPE});
    }

    std::size_t read(Way way, std::span<std::byte> into) {
        std::unique_lock lock(mutex);
        const std::size_t at = index_of(way);
        std::deque<std::byte>& queue = queues[at];
        changed.wait(lock, [&] { return !queue.empty() || cut || gone[at]; });
        const std::size_t taken = std::min(into.size(), queue.size());
        std::copy_n(queue.begin(), taken, into.begin());
        queue.erase(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(taken));
        return taken;
    }

    void close(Way way) {
        const std::lock_guard lock(mutex);
        gone[index_of(way)] = true;
        changed.notify_all();
    }
};

namespace {

class End final : public Link {
  public:
    End(std::shared_ptr<LinkPair::Wire> wire, Way writes, std::string peer)
        : wire_(std::move(wire)), writes_(writes), peer_(std::move(peer)) {}
    ~End() override { wire_->close(writes_); }

    void write(std::span<const std::span<const std::byte>> parts) override {
        for (const auto part : parts)
            if (!part.empty())
                wire_->write(writes_, part);
    }
    std::size_t read(std::span<std::byte> into) override {
        return wire_->read(writes_ == Way::there ? Way::back : Way::there, into);
    }
    void set_deadline(Clock::time_point /*deadline*/) override {}
    const std::string& peer() const override { return peer_; }

  private:
    std::shared_ptr<LinkPair::Wire> wire_;
    Way writes_;
    std::string peer_;
};

}  // namespace

LinkPair::LinkPair(std::size_t there, std::size_t back) : wire_(std::make_shared<Wire>()) {
    wire_->limits = {there, back};
    wire_->cut = there == 0 || back == 0;
}

LinkPair::~LinkPair() = default;

std::unique_ptr<Link> LinkPair::source() {
    return std::make_unique<End>(wire_, Way::there, "there");
}

std::unique_ptr<Link> LinkPair::destination() {
    return std::make_unique<End>(wire_, Way::back, "here");
}

std::size_t LinkPair::carried(Way way) const {
    const std::lock_guard lock(wire_->mutex);
    return wire_->carried[index_of(way)];
}

}  // namespace xcl::test
