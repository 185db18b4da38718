// SPDX-License-Identifier: BSD-3-Clause
// Hands arguments to the hypervisor through libxencall.
#include "xen/hypercalls.hpp"

#include <algorithm>
#include <cerrno>
#include <string>

#include <fcntl.h>
#include <sys/mman.h>

#include "xcl/error.hpp"
#include "xen/beside_program.hpp"

namespace xcl::xen {
namespace {

std::uint64_t address(const void* pointer) {
    return reinterpret_cast<std::uintptr_t>(pointer);
}

}  // namespace

CallPages::CallPages(xencall_handle* handle, const Descriptor& device, std::size_t place,
                     std::size_t pages)
    : handle_(handle), pages_(pages) {
    void* const mapped =
        mmap(beside_program(place), bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, device.get(), 0);
    is_of_device_ = mapped != MAP_FAILED;
    data_ =
        static_cast<std::byte*>(is_of_device_ ? mapped : xencall_alloc_buffer_pages(handle, pages));
    if (data_ == nullptr) {
        const int error = errno;
        throw Error({.doing = "make room for hypercalls",
                     .call = "xencall_alloc_buffer_pages",
                     .error = error});
    }
}

CallPages::~CallPages() {
    if (is_of_device_)
        munmap(data_, bytes());
    else
        xencall_free_buffer_pages(handle_, data_, pages_);
}

Hypercalls::Hypercalls(xencall_handle* handle)
    : handle_(handle),
      device_(open("/dev/xen/hypercall", O_RDWR | O_CLOEXEC)),
      page_(handle, device_, call_place, 1) {}

std::byte* Hypercalls::payload_space(std::size_t bytes) {
    if (bytes <= kernel::page_size - argument_bytes)
        return page_.data() + argument_bytes;
    if (!large_ || large_->bytes() < bytes)
        large_.emplace(
            handle_.get(), device_, payload_place,
            (std::max(bytes, payload_bytes) + kernel::page_size - 1) / kernel::page_size);
    return large_->data();
}

xen_domctl& Hypercalls::domctl(std::uint32_t command, DomainId id) {
    auto& operation = argument<xen_domctl>();
    begin(operation, command, id);
    return operation;
}

void Hypercalls::begin(xen_domctl& operation, std::uint32_t command, DomainId id) {
    operation.cmd = command;
    operation.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    operation.domain = id.value();
}

xen_sysctl& Hypercalls::sysctl(std::uint32_t command) {
    auto& operation = argument<xen_sysctl>();
    operation.cmd = command;
    operation.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return operation;
}

long Hypercalls::try_domctl(const xen_domctl& operation) {
    return xencall1(handle_.get(), __HYPERVISOR_domctl, address(&operation));
}

void Hypercalls::perform(const xen_domctl& operation, std::string_view doing,
                         std::string_view call) {
    if (try_domctl(operation) != 0)
        throw_failed(DomainId(operation.domain), doing, call);
}

void Hypercalls::perform(const xen_sysctl& operation, std::string_view doing,
                         std::string_view call) {
    if (xencall1(handle_.get(), __HYPERVISOR_sysctl, address(&operation)) != 0)
        throw_failed(control_domain, doing, call);
}

void Hypercalls::perform(std::span<const xen_domctl> operations, std::span<multicall_entry> calls,
                         std::string_view doing) {
    for (std::size_t i = 0; i < calls.size(); ++i) {
        calls[i].op = __HYPERVISOR_domctl;
        calls[i].args[0] = address(&operations[i]);
    }
    if (multicall(calls) != 0)
        throw_failed(control_domain, doing, "__HYPERVISOR_multicall");
}

long Hypercalls::multicall(std::span<multicall_entry> calls) {
    return xencall2(handle_.get(), __HYPERVISOR_multicall, address(calls.data()), calls.size());
}

long Hypercalls::memory_op(unsigned command, const xen_memory_reservation& reservation) {
    return xencall2L(handle_.get(), __HYPERVISOR_memory_op, command, address(&reservation));
}

long Hypercalls::event_channel_op(int command, const void* argument) {
    return xencall2(handle_.get(), __HYPERVISOR_event_channel_op,
                    static_cast<std::uint64_t>(command), address(argument));
}

long Hypercalls::grant_table_op(unsigned command, const void* argument, unsigned count) {
    return xencall3(handle_.get(), __HYPERVISOR_grant_table_op, command, address(argument), count);
}

long Hypercalls::mmuext_op(std::span<const mmuext_op_t> operations, DomainId id) {
    return xencall4(handle_.get(), __HYPERVISOR_mmuext_op, address(operations.data()),
                    operations.size(), 0, id.value());
}

void throw_failed(DomainId id, std::string_view doing, std::string_view call) {
    const int error = errno;
    if (error == ESRCH)
        throw Error({.kind = ErrorKind::no_such_guest,
                     .domain = id,
                     .problem = "no such guest",
                     .hint = "'cosmos list' shows those that exist"});
    std::string hint;
    if (error == EPERM)
        hint = "only the control domain may do this";
    if (error == EACCES)  // Xen's answer to another XEN_DOMCTL_INTERFACE_VERSION
        hint = "is this libxcl built for the running release of Xen?";
    throw Error({.domain = id,
                 .doing = std::string(doing),
                 .call = std::string(call),
                 .error = error,
                 .hint = hint});
}

}  // namespace xcl::xen
