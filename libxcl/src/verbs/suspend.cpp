// SPDX-License-Identifier: BSD-3-Clause
// suspend: puts a guest into a file. Until that is whole and on the disk, the guest is where it
// was.
#include <algorithm>
#include <memory>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "image/file.hpp"
#include "image/writer.hpp"
#include "verbs/guest_notes.hpp"
#include "verbs/guests.hpp"
#include "verbs/suspension.hpp"
#include "verbs/verbs.hpp"
#include "xcl/error.hpp"

namespace xcl::verbs {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* suspending = "suspend it";

DomainInfo require_whole_guest(Hypervisor& hypervisor, DomainId id) {
    DomainInfo guest = require_guest(hypervisor, id, suspending);
    const auto refuse = [&](const char* problem) {
        throw Error({.domain = id, .doing = suspending, .problem = problem});
    };
    if (guest.unfinished)
        refuse("its creation has not ended");
    if (guest.state == DomainState::dying)
        refuse("it is being destroyed");
    if (!guest.paravirtualised)
        refuse("it is not paravirtualised");
    return guest;
}

// Two that suspend the same guest would both see it suspended.
Descriptor take(const TakeName& take_name, DomainId id) {
    std::optional<Descriptor> taken = take_name(fmt::format("cosmos-suspend-{}", id.value()));
    if (!taken)
        throw Error({.domain = id,
                     .doing = suspending,
                     .problem = "another process is about to suspend it"});
    return std::move(*taken);
}

[[noreturn]] void refuse_strangers(DomainId id, const image::PageId& page) {
    throw Error(
        {.domain = id,
         .doing = suspending,
         .problem = fmt::format("its page table {:#x} names memory that is not its own", page.pfn),
         .hint = "a guest has to unmap what it shares with others before it suspends"});
}

void write_image(const Host& host, DomainId id, image::GuestDescription guest,
                 image::ImageWriter& writer) {
    const std::unique_ptr<GuestMemory> memory = host.hypervisor.open_memory(id);
    const std::vector<image::PageId> pages = memory->pages();
    image::MachineState state = memory->state();
    if (guest.config.console == ConsoleKind::none)
        state.console = 0;
    guest.pfn_end = state.pfn_end;
    guest.memory_pages = state.memory_pages;
    guest.config.memory_mib =
        (guest.memory_pages + image::pages_per_mib - 1) / image::pages_per_mib;
    guest.store = read_own_nodes(host.store, id);

    writer.begin(guest, pages);
    for (std::span<const image::PageId> rest = pages; !rest.empty();) {
        const auto now = rest.first(std::min(rest.size(), GuestMemory::at_once));
        memory->read(now, [&](const image::PageId& page, auto bytes) {
            if (!bytes)
                refuse_strangers(id, page);
            if (page.type == image::PageType::data)
                writer.page_in_place(page, *bytes);
            else
                writer.page(page, *bytes);
            if (page.pfn == now.back().pfn)
                writer.flush();
        });
        rest = rest.subspan(now.size());
    }
    writer.end(state, pages);
}

}  // namespace

SuspendedGuest suspend(const Host& host, DomainId id, const std::string& path,
                       const SuspendOptions& options, const TakeName& take_name) {
    const Clock::time_point start = Clock::now();
    const Descriptor mine = take(take_name, id);
    const DomainInfo guest = require_whole_guest(host.hypervisor, id);
    GuestNotes notes = read_notes(host, guest);
    image::ImageFile file(path, options.overwrite ? image::Overwrite::yes : image::Overwrite::no);

    Suspension suspension(host.hypervisor, host.store, guest, notes.suspend_port, options.timeout);
    const Clock::time_point suspended = Clock::now();
    SuspendedGuest result{.id = id, .name = notes.guest.config.name};
    {
        image::ImageWriter writer(file, path);
        write_image(host, id, std::move(notes.guest), writer);
        result.bytes = writer.bytes_written();
        result.pages = writer.pages_written();
    }
    file.commit();
    if (options.keep) {
        suspension.end();
    } else {
        suspension.leave();  // from here on it is in the file
        destroy_found(host, {&guest, 1}, notes.terminal_met);
    }
    result.stood_still = Clock::now() - suspended;
    result.took = Clock::now() - start;
    return result;
}

void wake(const Host& host, std::span<const DomainId> ids, const TakeName& take_name) {
    for (const DomainId id : ids) {
        const Descriptor mine = take(take_name, id);
        const DomainInfo guest = require_guest(host.hypervisor, id, "let it run on");
        if (guest.state != DomainState::shutdown || guest.reason != ShutdownReason::suspend)
            throw Error({.domain = id, .doing = "let it run on", .problem = "it is not suspended"});
        let_run_on(host.hypervisor, host.store, id);
    }
}

}  // namespace xcl::verbs
