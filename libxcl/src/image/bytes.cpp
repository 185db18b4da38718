// SPDX-License-Identifier: BSD-3-Clause
// read and writev until all is done.
#include "image/bytes.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fmt/format.h>
#include <sys/uio.h>
#include <unistd.h>

#include "xcl/error.hpp"

namespace xcl::image {

int write_all(int descriptor, std::span<const Bytes> parts) {
    std::array<iovec, 16> vectors{};
    std::size_t done = 0;  // of parts.front()
    while (!parts.empty()) {
        std::size_t count = 0;
        for (; count < std::min(parts.size(), vectors.size()); ++count) {
            const Bytes part = parts[count].subspan(count == 0 ? done : 0);
            // iovec serves reads as well, so it points to what may be written.
            vectors.at(count) = {.iov_base = const_cast<std::byte*>(part.data()),
                                 .iov_len = part.size()};
        }
        const ssize_t written = writev(descriptor, vectors.data(), static_cast<int>(count));
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return errno;
        done += static_cast<std::size_t>(written);
        while (!parts.empty() && done >= parts.front().size()) {
            done -= parts.front().size();
            parts = parts.subspan(1);
        }
    }
    return 0;
}

Bytes MemorySource::take(std::size_t count) {
    const Bytes taken = rest_.first(std::min(count, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
}

void DescriptorSink::write(std::span<const Bytes> parts) {
    if (const int error = write_all(descriptor_, parts); error != 0)
        throw Error({.doing = fmt::format("write to {}", name_), .call = "writev", .error = error});
}

Bytes DescriptorSource::take(std::size_t count) {
    // The buffer grows with what comes, not with what a peer announces.
    constexpr std::size_t least_growth = std::size_t{1} << 20;
    std::size_t have = 0;
    while (have < count) {
        if (have == buffer_.size())
            buffer_.resize(std::min(count, have + std::max(have, least_growth)));
        const std::size_t wanted = std::min(count, buffer_.size()) - have;
        const ssize_t got = read(descriptor_, buffer_.data() + have, wanted);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            throw Error(
                {.doing = fmt::format("read from {}", name_), .call = "read", .error = errno});
        if (got == 0)
            break;
        have += static_cast<std::size_t>(got);
    }
    return {buffer_.data(), have};
}

}  // namespace xcl::image
