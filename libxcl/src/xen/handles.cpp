// SPDX-License-Identifier: BSD-3-Clause
// Opens and closes Xen's libraries.
#include "xen/handles.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <string>
#include <utility>

#include <sys/mman.h>

#include "kernel/image.hpp"
#include "xcl/error.hpp"

namespace xcl::xen {
namespace {

void forward(xentoollog_logger* logger, xentoollog_level level, int /*errno_value*/,
             const char* /*context*/, const char* format, va_list arguments) {
    const Log& log = static_cast<Logger*>(logger)->log();
    if (!log || level < XTL_NOTICE)  // below: statistics of their own memory
        return;
    char line[512];
    if (std::vsnprintf(line, sizeof line, format, arguments) > 0)
        log(line);
}

// An open of /dev/xen/privcmd failed with errno.
[[noreturn]] void throw_not_opened(std::string_view call) {
    const int error = errno;
    const std::string doing = "open the hypervisor";
    if (error == EACCES || error == EPERM)
        throw Error({.doing = doing,
                     .call = std::string(call),
                     .error = error,
                     .hint = "this takes root's rights: try it with sudo"});
    if (error == ENOENT || error == ENODEV || error == ENXIO)
        throw Error({.kind = ErrorKind::no_xen,
                     .problem = "this machine is not the control domain of a Xen host "
                                "(there is no /dev/xen/privcmd)",
                     .hint = "lab/xenlab in the source tree starts an emulated Xen host to try "
                             "things on"});
    throw Error({.doing = doing, .call = std::string(call), .error = error});
}

template <typename Handle>
Handle* opened(Handle* handle, std::string_view call) {
    if (handle == nullptr)
        throw_not_opened(call);
    return handle;
}

}  // namespace

Logger::Logger(Log log) : xentoollog_logger{}, log_(std::move(log)) {
    vmessage = forward;
}

Handles::Handles(Log log)
    : logger(std::move(log)), hypercalls(opened(xencall_open(&logger, 0), "xencall_open")) {}

xenforeignmemory_handle* Handles::memory() {
    if (!memory_)
        memory_.reset(opened(xenforeignmemory_open(&logger, 0), "xenforeignmemory_open"));
    return memory_.get();
}

Mapping::Mapping(Handles& handles, DomainId id, std::span<const xen_pfn_t> frames, Access access)
    : handles_(handles),
      id_(id),
      address_(
          xenforeignmemory_map2(handles.memory(), id.value(), handles.next_mapping,
                                access == Access::read_only ? PROT_READ : PROT_READ | PROT_WRITE, 0,
                                frames.size(), frames.data(), nullptr)),
      pages_(frames.size()) {
    if (address_ == nullptr)
        throw_failed(id, "map its memory", "xenforeignmemory_map2");
    handles_.next_mapping = end();
}

Mapping::~Mapping() {
    constexpr std::size_t few = 4;  // for which a hypercall does not pay
    if (pages_ > few)
        clear_entries();
    if (handles_.next_mapping == end())
        handles_.next_mapping = address_;
    xenforeignmemory_unmap(handles_.memory(), address_, pages_);
}

// The kernel of a paravirtualised control domain may not write to its page tables itself. It asks
// Xen for a few entries at once, or faults into Xen for each.
template <typename Fill>
std::size_t Mapping::write_entries(std::size_t pages, Fill&& fill) const {
    Hypercalls& hypercalls = handles_.hypercalls;
    std::size_t changed = 0;
    for (std::size_t done = 0; done < pages;) {
        const std::size_t now = std::min(pages - done, Hypercalls::short_list);
        const auto calls = hypercalls.payload<multicall_entry>(now);
        for (multicall_entry& call : calls) {
            fill(call, done);
            call.args[0] = reinterpret_cast<std::uintptr_t>(address_) + done * kernel::page_size;
            ++done;
        }
        if (hypercalls.multicall(calls) != 0)
            break;
        changed += static_cast<std::size_t>(
            std::ranges::count_if(calls, [](const auto& call) { return call.result == 0; }));
    }
    if (changed > 0) {
        const auto flush = hypercalls.payload<mmuext_op_t>(1);
        flush[0].cmd = MMUEXT_TLB_FLUSH_ALL;
        if (hypercalls.mmuext_op(flush, DomainId(DOMID_SELF)) < 0)
            return 0;  // what is read there may be the page of before
    }
    return changed;
}

// Only lists spare it faults: each takes four times as long. munmap sees to what Xen does not
// clear; it flushes for nothing else.
void Mapping::clear_entries() const {
    write_entries(pages_, [](multicall_entry& call, std::size_t) {
        call.op = __HYPERVISOR_update_va_mapping;
    });
}

bool Mapping::show(std::span<const xen_pfn_t> frames) {
    // As Linux makes them for what it maps to be read (arch/x86/include/asm/pgtable_types.h):
    // present, of user space, accessed, special (no page of its own), not to be executed.
    constexpr std::uint64_t entry = 1U | 1U << 2 | 1U << 5 | 1U << 9 | std::uint64_t{1} << 63;
    if (frames.size() > pages_)
        return false;
    return write_entries(frames.size(), [&](multicall_entry& call, std::size_t i) {
               call.op = __HYPERVISOR_update_va_mapping_otherdomain;
               call.args[1] = frames[i] * kernel::page_size | entry;
               call.args[3] = id_.value();
           }) == frames.size();
}

void* Mapping::end() const {
    return bytes().data() + bytes().size();
}

std::span<std::byte> Mapping::bytes() const {
    return {static_cast<std::byte*>(address_), pages_ * kernel::page_size};
}

}  // namespace xcl::xen
