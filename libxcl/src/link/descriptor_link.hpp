// SPDX-License-Identifier: BSD-3-Clause
// DescriptorLink: a Link over sockets or pipes.
#pragma once

#include <string>

#include "core/descriptor.hpp"
#include "xcl/link.hpp"

namespace xcl::link {

// Never changes the descriptors' flags, which they may share with other processes.
class DescriptorLink : public Link {
  public:
    // Reads from one and writes to the other, which may be the same; they stay the caller's.
    DescriptorLink(int in, int out, std::string peer);
    // A socket, which becomes its own.
    DescriptorLink(Descriptor socket, std::string peer);

    void write(std::span<const std::span<const std::byte>> parts) override;
    [[nodiscard]] std::size_t read(std::span<std::byte> into) override;
    void set_deadline(Clock::time_point deadline) override { deadline_ = deadline; }
    [[nodiscard]] const std::string& peer() const override { return peer_; }

  protected:
    void close() { own_ = Descriptor(); }

  private:
    void write_to_socket(std::span<const std::span<const std::byte>> parts);
    void write_to_pipe(std::span<const std::byte> bytes);

    Descriptor own_;
    int in_;
    int out_;
    bool in_is_socket_;
    bool out_is_socket_;
    std::string peer_;
    Clock::time_point deadline_ = Clock::time_point::max();
};

}  // namespace xcl::link
