// SPDX-License-Identifier: BSD-3-Clause
// LinkPair: the two ends of a connection in memory, which can be cut at any byte.
#pragma once

#include <cstddef>
#include <limits>
#include <memory>

#include "xcl/link.hpp"

namespace xcl::test {

enum class Way { there, back };  // from the source to the destination, and back

class LinkPair {
  public:
    static constexpr std::size_t never = std::numeric_limits<std::size_t>::max();

    // The connection is lost once so many bytes have gone that way: they arrive, nothing else does,
    // in either direction.
    explicit LinkPair(std::size_t there = never, std::size_t back = never);
    LinkPair(const LinkPair&) = delete;
    LinkPair& operator=(const LinkPair&) = delete;
    ~LinkPair();

    // Each once. An end that goes closes the connection.
    [[nodiscard]] std::unique_ptr<Link> source();
    [[nodiscard]] std::unique_ptr<Link> destination();

    // Bytes that went that way.
    [[nodiscard]] std::size_t carried(Way way) const;

    struct Wire;

  private:
    std::shared_ptr<Wire> wire_;
};

}  // namespace xcl::test
