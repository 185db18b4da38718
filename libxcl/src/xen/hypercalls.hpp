// SPDX-License-Identifier: BSD-3-Clause
// Hypercalls: the control operations a PV toolstack needs, on libxencall and Xen's public headers.
// Those are stable; of libxenctrl, which is neither and opens three more devices, nothing is
// needed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string_view>

// Xen's libraries declare C functions and leave it to C++ to know that.
extern "C" {
// The headers then declare the control operations.
#define __XEN_TOOLS__ 1  // NOLINT(bugprone-reserved-identifier): their name for it
#include <xen/domctl.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/sysctl.h>
#include <xen/xen.h>
#include <xencall.h>
}

#include "core/descriptor.hpp"
#include "kernel/image.hpp"
#include "xcl/domain_id.hpp"

namespace xcl::xen {

struct CloseCall {
    void operator()(xencall_handle* handle) const { xencall_close(handle); }
};

// Pages that the hypervisor can read and write at any time during a call.
class CallPages {
  public:
    // Of `device`, /dev/xen/hypercall, at that place beside the program; on a kernel without it
    // (before 4.18) such as libxencall gives. Throws Error.
    CallPages(xencall_handle* handle, const Descriptor& device, std::size_t place,
              std::size_t pages);
    ~CallPages();
    CallPages(const CallPages&) = delete;
    CallPages& operator=(const CallPages&) = delete;

    [[nodiscard]] std::byte* data() const { return data_; }
    [[nodiscard]] std::size_t bytes() const { return pages_ * kernel::page_size; }

  private:
    xencall_handle* handle_;
    std::size_t pages_;
    std::byte* data_;
    bool is_of_device_;
};

// One page serves all calls, one after the other: a call's argument lies at its start, and behind
// it what the argument points to. That takes further pages only when it is large, since each page
// costs a process as much as four hypercalls.
class Hypercalls {
    static constexpr std::size_t argument_bytes = 512;

  public:
    // Throws Error when a call's page cannot be had. `handle` is open.
    explicit Hypercalls(xencall_handle* handle);

    // The argument of the next call, zeroed. What it held before is gone.
    [[nodiscard]] xen_domctl& domctl(std::uint32_t command, DomainId id);
    [[nodiscard]] xen_sysctl& sysctl(std::uint32_t command);
    template <typename T>
    [[nodiscard]] T& argument() const {
        static_assert(sizeof(T) <= argument_bytes);
        return *new (page_.data()) T{};
    }

    // Makes `operation`, zeroed, ready for its own arguments.
    static void begin(xen_domctl& operation, std::uint32_t command, DomainId id);

    // `count` zeroed T for an argument to point to. What the last one held is gone.
    template <typename T>
    [[nodiscard]] std::span<T> payload(std::size_t count) {
        T* const first = reinterpret_cast<T*>(payload_space(count * sizeof(T)));
        std::uninitialized_value_construct_n(first, count);
        return {first, count};
    }
    // How much lists that are sent in parts fill: two pages, since a vCPU context is a little more
    // than one. A vCPU's extended state may be more still.
    static constexpr std::size_t payload_bytes = 2 * kernel::page_size;
    // Entries of a multicall that take no further page.
    static constexpr std::size_t short_list =
        (kernel::page_size - argument_bytes) / sizeof(multicall_entry);

    // Each performs the call whose argument was filled, and throws Error naming `call` and what was
    // being done to the domain.
    void perform(const xen_domctl& operation, std::string_view doing, std::string_view call);
    void perform(const xen_sysctl& operation, std::string_view doing, std::string_view call);

    // All operations in one call, in their order, with `calls` of the same number to list them in.
    // Each has its own result there, 0 or the negative errno; both lie in a payload.
    void perform(std::span<const xen_domctl> operations, std::span<multicall_entry> calls,
                 std::string_view doing);

    // The same without the throw: the result, or -1 with errno.
    long try_domctl(const xen_domctl& operation);
    // Each entry has its own result.
    long multicall(std::span<multicall_entry> calls);
    long memory_op(unsigned command, const xen_memory_reservation& reservation);
    long event_channel_op(int command, const void* argument);
    long grant_table_op(unsigned command, const void* argument, unsigned count);
    // Performs all operations on the domain's memory.
    long mmuext_op(std::span<const mmuext_op_t> operations, DomainId id);

  private:
    [[nodiscard]] std::byte* payload_space(std::size_t bytes);

    std::unique_ptr<xencall_handle, CloseCall> handle_;
    Descriptor device_;
    CallPages page_;
    std::optional<CallPages> large_;  // once a payload needs it
};

// Throws Error for the hypercall that just failed with errno.
[[noreturn]] void throw_failed(DomainId id, std::string_view doing, std::string_view call);

}  // namespace xcl::xen
