// SPDX-License-Identifier: BSD-3-Clause
// Handles: the open libraries of Xen, and a guest's memory mapped through them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "xen/beside_program.hpp"
#include "xen/hypercalls.hpp"

extern "C" {
#include <xenforeignmemory.h>
#include <xentoollog.h>
}

namespace xcl::xen {

using Log = std::function<void(std::string_view)>;

// Hands what Xen's libraries have to say to a Log; without one they stay silent, since what matters
// comes back as errno.
class Logger final : public xentoollog_logger {
  public:
    explicit Logger(Log log);
    [[nodiscard]] const Log& log() const { return log_; }

  private:
    Log log_;
};

struct CloseForeignMemory {
    void operator()(xenforeignmemory_handle* handle) const { xenforeignmemory_close(handle); }
};

class Handles {
  public:
    // Throws Error{no_xen} or Error{failed}.
    explicit Handles(Log log);

    // Opened by the first guest that is built.
    xenforeignmemory_handle* memory();

    Logger logger;
    Hypercalls hypercalls;
    // A hint where the next mapping may lie.
    void* next_mapping = beside_program(mappings_place);

  private:
    std::unique_ptr<xenforeignmemory_handle, CloseForeignMemory> memory_;
};

enum class Access { read_only, read_write };

// Pages of a guest in this process's memory, unmapped at the end of scope.
class Mapping {
  public:
    // Throws Error when one of the frames cannot be mapped. There is at least one. `handles`
    // outlive it; the last argument and payload of a hypercall are gone when it goes.
    Mapping(Handles& handles, DomainId id, std::span<const xen_pfn_t> frames,
            Access access = Access::read_write);
    ~Mapping();
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;

    [[nodiscard]] std::span<std::byte> bytes() const;

    // Shows other frames of the guest in its first pages, to be read: that takes less than to unmap
    // these and to map those. At most as many as it has. False where it cannot be, as in a control
    // domain that is not paravirtualised; the pages are then to be mapped anew.
    [[nodiscard]] bool show(std::span<const xen_pfn_t> frames);

  private:
    // Writes to this process's page tables, by lists: `fill` sets each call but for its address.
    // Returns how many of the first `pages` now show what they should.
    template <typename Fill>
    std::size_t write_entries(std::size_t pages, Fill&& fill) const;
    void clear_entries() const;
    [[nodiscard]] void* end() const;

    Handles& handles_;
    DomainId id_;
    void* address_;
    std::size_t pages_;
};

}  // namespace xcl::xen
