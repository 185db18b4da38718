// SPDX-License-Identifier: BSD-3-Clause
// Buffers what comes, so that a message costs one read.
#include "wire/stream.hpp"

#include <algorithm>
#include <cstring>

#include "xcl/error.hpp"

namespace xcl::wire {
namespace {

// A batch of pages and its head.
constexpr std::size_t usual_read = std::size_t{160} << 10;

}  // namespace

void Stream::write(std::span<const image::Bytes> parts) {
    constexpr std::chrono::milliseconds short_patience{1'000};
    link_.set_deadline(Link::Clock::now() + patience_);
    try {
        link_.write(parts);
    } catch (const Error&) {
        write_failed_ = true;
        patience_ = std::min(patience_, short_patience);
        throw;
    }
    for (const image::Bytes part : parts)
        written_ += part.size();
}

// Room for all that is wanted, but no more than what came already twice over: a length that lies
// gets no memory before its bytes are there.
void Stream::read_more(std::size_t wanted) {
    if (begin_ > 0) {
        std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    if (buffer_.size() < wanted && end_ == buffer_.size())
        buffer_.resize(std::max(usual_read, std::min(wanted, 2 * buffer_.size())));
}

image::Bytes Stream::take(std::size_t count) {
    while (end_ - begin_ < count) {
        read_more(count);
        link_.set_deadline(Link::Clock::now() + patience_);
        const std::size_t came = link_.read(std::span(buffer_).subspan(end_));
        if (came == 0)
            break;
        end_ += came;
    }
    const std::size_t taken = std::min(count, end_ - begin_);
    const image::Bytes bytes(buffer_.data() + begin_, taken);
    begin_ += taken;
    return bytes;
}

}  // namespace xcl::wire
