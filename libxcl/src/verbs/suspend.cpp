// SPDX-License-Identifier: BSD-3-Clause
// suspend: puts a guest into a file. Until that is whole and on the disk, the guest is where it
// was.
#include <memory>
#include <span>
#include <utility>

#include "image/file.hpp"
#include "image/writer.hpp"
#include "verbs/guest_notes.hpp"
#include "verbs/guests.hpp"
#include "verbs/suspendable.hpp"
#include "verbs/suspension.hpp"
#include "verbs/verbs.hpp"
#include "xcl/error.hpp"

namespace xcl::verbs {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* suspending = "suspend it";
constexpr const char* waking = "let it run on";

// Throws Declined before it has written anything.
void write_pages(const Host& host, DomainId id, image::GuestDescription& guest,
                 image::ImageWriter& writer) {
    const std::unique_ptr<GuestMemory> memory = host.hypervisor.open_memory(id);
    const std::vector<image::PageId> pages = memory->pages();
    const image::MachineState state = state_of(*memory, guest.config);
    describe_memory(guest, state.pfn_end, state.memory_pages);

    writer.begin(guest, pages);
    // Copied, and then summed up: netback may still write into the buffers of a guest that stands
    // still.
    memory->read(pages, [&](const image::PageId& page, auto bytes) {
        if (!bytes)
            refuse_strange_table(id, page.pfn, suspending);
        writer.page(page, *bytes);
    });
    writer.end(state, pages);
}

void write_image(const Host& host, const DomainInfo& guest, image::GuestDescription description,
                 image::ByteSink& file, const std::string& path, SuspendedGuest& result) {
    description.store = read_own_nodes(host.store, guest.id);
    try {
        image::ImageWriter writer(file, path);
        write_pages(host, guest.id, description, writer);
        result.bytes = writer.bytes_written();
        result.pages = writer.pages_written();
    } catch (const Declined& declined) {
        result.declined = declined.failure().problem;
        describe_for_libxenguest(host, guest, declined.pages(), result.declined, description);
        image::ImageWriter writer(file, path, image::MemoryForm::libxenguest);
        writer.begin_stream(description);
        write_stream(host.hypervisor, guest.id, result.declined, writer);
        writer.end_stream();
        result.bytes = writer.bytes_written();
    }
}

}  // namespace

SuspendedGuest suspend(const Host& host, DomainId id, const std::string& path,
                       const SuspendOptions& options, const TakeName& take_name) {
    const Clock::time_point start = Clock::now();
    const Descriptor mine = take_to_suspend(take_name, id, suspending);
    DomainInfo guest = require_suspendable(host.hypervisor, id, suspending);
    GuestNotes notes = read_notes(host, guest);
    image::ImageFile file(path, options.overwrite ? image::Overwrite::yes : image::Overwrite::no);

    Suspension suspension(host.hypervisor, host.store, guest, notes.suspend_port,
                          options.keep ? Afterwards::runs_on : Afterwards::gone, options.timeout);
    const Clock::time_point suspended = Clock::now();
    SuspendedGuest result;
    result.id = id;
    result.name = notes.guest.config.name;
    write_image(host, guest, std::move(notes.guest), file, path, result);
    file.commit();
    if (options.keep) {
        suspension.end();
    } else {
        suspension.leave();  // from here on it is in the file
        guest.state = DomainState::shutdown;
        guest.reason = ShutdownReason::suspend;
        destroy_found(host, {&guest, 1}, notes.terminal_met);
    }
    result.stood_still = Clock::now() - suspended;
    result.took = Clock::now() - start;
    return result;
}

void wake(const Host& host, std::span<const DomainId> ids, const TakeName& take_name) {
    for (const DomainId id : ids) {
        const Descriptor mine = take_to_suspend(take_name, id, waking);
        const DomainInfo guest = require_guest(host.hypervisor, id, waking);
        require_no_doubt(guest, waking);
        if (guest.state != DomainState::shutdown || guest.reason != ShutdownReason::suspend)
            throw Error({.domain = id, .doing = waking, .problem = "it is not suspended"});
        require_record(host.store, id, waking);
        host.hypervisor.tell_store_of_suspension(id);  // of the next one, by another toolstack
        let_run_on(host.hypervisor, host.store, id);
    }
}

}  // namespace xcl::verbs
