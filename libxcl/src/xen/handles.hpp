// SPDX-License-Identifier: BSD-3-Clause
// Handles: the open libraries of Xen, closed when they go out of scope, and what is made with them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

// Xen's libraries declare C functions and leave it to C++ to know that.
extern "C" {
#include <xencall.h>
#include <xenctrl.h>
#include <xenforeignmemory.h>
}

#include "xcl/domain_id.hpp"

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

struct CloseControl {
    void operator()(xc_interface* handle) const { xc_interface_close(handle); }
};
struct CloseCall {
    void operator()(xencall_handle* handle) const { xencall_close(handle); }
};
struct CloseForeignMemory {
    void operator()(xenforeignmemory_handle* handle) const { xenforeignmemory_close(handle); }
};

// The three libraries that a PV toolstack needs: control operations, plain hypercalls (for the few
// that libxenctrl does not offer) and mapping a guest's memory.
struct Handles {
    // Throws Error{no_xen} or Error{failed}.
    explicit Handles(Log log);

    Logger logger;
    std::unique_ptr<xc_interface, CloseControl> control;
    std::unique_ptr<xencall_handle, CloseCall> call;
    std::unique_ptr<xenforeignmemory_handle, CloseForeignMemory> memory;
};

// Memory that the hypervisor can read and write at any time during a hypercall.
class CallBuffer {
  public:
    CallBuffer(xencall_handle* call, std::size_t bytes);
    ~CallBuffer();
    CallBuffer(const CallBuffer&) = delete;
    CallBuffer& operator=(const CallBuffer&) = delete;

    // The buffer's first bytes as a zeroed T; the rest is untouched.
    template <typename T>
    [[nodiscard]] T* as(std::size_t offset = 0) const {
        return new (static_cast<std::byte*>(address_) + offset) T{};
    }

  private:
    xencall_handle* call_;
    void* address_;
};

// Pages of a guest in this process's memory, read-write, unmapped at the end of scope.
class Mapping {
  public:
    // Throws Error when one of the frames cannot be mapped.
    Mapping(xenforeignmemory_handle* memory, DomainId id, std::span<const xen_pfn_t> frames);
    ~Mapping();
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;

    [[nodiscard]] std::span<std::byte> bytes() const;

  private:
    xenforeignmemory_handle* memory_;
    void* address_;
    std::size_t pages_;
};

// Throws Error for the hypercall that just failed with errno.
[[noreturn]] void throw_failed(DomainId id, std::string_view doing, std::string_view call);

}  // namespace xcl::xen
