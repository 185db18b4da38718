// SPDX-License-Identifier: BSD-3-Clause
// Refuses what cannot be suspended, before anything is asked of it.
#include "verbs/suspendable.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "record/record.hpp"
#include "verbs/guests.hpp"
#include "xcl/error.hpp"

namespace xcl::verbs {
namespace {

std::string left_to_libxenguest(std::string_view why) {
    return fmt::format("it was left to libxenguest: {}", why);
}

// What it may have at most: by Xen, or by libxl's record, since 'xl mem-set' lowers Xen's limit.
std::uint64_t most_memory_kib(Store& store, const DomainInfo& guest) {
    const std::vector<StoreRequest> look{store_read(domain_path(guest.id) + "/memory/static-max")};
    const std::string text = store.exchange(look).front().value;
    std::uint64_t recorded = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), recorded).ec != std::errc{})
        recorded = 0;
    return std::max(guest.max_memory_kib, recorded);
}

}  // namespace

Descriptor take_to_suspend(const TakeName& take_name, DomainId id, const char* doing) {
    std::optional<Descriptor> taken = take_name(fmt::format("cosmos-suspend-{}", id.value()));
    if (!taken)
        throw Error(
            {.domain = id, .doing = doing, .problem = "another process is about to suspend it"});
    return std::move(*taken);
}

void require_no_doubt(const DomainInfo& guest, const char* doing) {
    if (guest.in_doubt)
        throw Error(
            {.domain = guest.id,
             .doing = doing,
             .problem = "it was sent to another host and may run there",
             .hint = fmt::format("'cosmos settle {} HOST' asks that host", guest.id.value())});
}

DomainInfo require_suspendable(Hypervisor& hypervisor, DomainId id, const char* doing) {
    DomainInfo guest = require_guest(hypervisor, id, doing);
    const auto refuse = [&](const char* problem) {
        throw Error({.domain = id, .doing = doing, .problem = problem});
    };
    require_no_doubt(guest, doing);
    if (guest.unfinished)
        refuse("its creation has not ended");
    if (guest.state == DomainState::dying)
        refuse("it is being destroyed");
    if (!guest.paravirtualised)
        refuse("it is not paravirtualised");
    return guest;
}

void require_record(Store& store, DomainId id, const char* doing) {
    const std::vector<StoreRequest> request{store_directory(domain_path(id) + "/control")};
    if (store.exchange(request).front().error == ENOENT)
        throw Error({.domain = id,
                     .doing = doing,
                     .problem = "its record in XenStore is gone: it was about to be destroyed",
                     .hint = "'cosmos reap' collects it"});
}

void describe_memory(image::GuestDescription& guest, std::uint64_t pfn_end, std::uint64_t pages) {
    guest.pfn_end = pfn_end;
    guest.memory_pages = pages;
    guest.config.memory_mib = (pages + image::pages_per_mib - 1) / image::pages_per_mib;
}

void describe_for_libxenguest(const Host& host, const DomainInfo& guest, std::uint64_t pages,
                              const std::string& why, image::GuestDescription& description) {
    host.hypervisor.require_libxenguest();
    describe_memory(description, pages, pages);
    std::string fault = image::fault_for_libxenguest(description);
    if (const std::uint64_t most = most_memory_kib(host.store, guest);
        fault.empty() && pages * (image::page_size / 1024) > most)
        fault = fmt::format(
            "its p2m names {} pages, more than the {} KiB of memory that it may have", pages, most);
    if (!fault.empty())
        throw Error({.domain = guest.id,
                     .doing = "save its memory",
                     .problem = std::move(fault),
                     .hint = left_to_libxenguest(why)});
}

void write_stream(Hypervisor& hypervisor, DomainId id, const std::string& why,
                  image::ImageWriter& writer) {
    bool writes = false;
    try {
        hypervisor.save_by_libxenguest(id, [&](auto part) {
            writes = true;
            writer.part(part);
            writes = false;
        });
    } catch (const Error& error) {
        Failure failure = error.failure();
        if (!writes && failure.hint.empty())
            failure.hint = left_to_libxenguest(why);
        throw Error(std::move(failure));
    }
}

image::MachineState state_of(GuestMemory& memory, const GuestConfig& config) {
    image::MachineState state = memory.state();
    if (config.console == ConsoleKind::none)
        state.console = 0;
    return state;
}

void refuse_strange_table(DomainId id, std::uint64_t pfn, const char* doing) {
    throw Error(
        {.domain = id,
         .doing = doing,
         .problem = fmt::format("its page table {:#x} names memory that is not its own", pfn),
         .hint = "a guest has to unmap what it shares with others before it suspends"});
}

}  // namespace xcl::verbs
