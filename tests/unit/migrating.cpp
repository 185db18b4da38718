// SPDX-License-Identifier: BSD-3-Clause
// Runs both sides of a migration, and puts right what it left.
#include "migrating.hpp"

#include <algorithm>
#include <thread>

#include "record/record.hpp"

namespace xcl::test {
namespace {

void furnish(FakeHost& host) {
    host.store.write("/local/domain/0/backend/vif", "");
    host.store.write("/local/domain/0/error/backend/vif", "");
    host.network.add_bridge("xenbr0", parse_ipv4("10.0.0.1/24"));
}

template <typename Step>
SideEnd ended(Step step) {
    SideEnd end;
    try {
        step();
    } catch (const Error& error) {
        end.error = error.what();
        end.hint = error.failure().hint;
    } catch (const Killed&) {
        end.killed = true;
    }
    return end;
}

bool is_running(const FakeDomain& domain) {
    return domain.pauses == 0 && !domain.ended && !domain.dying;
}

std::size_t running_on(const FakeHost& host) {
    return static_cast<std::size_t>(std::ranges::count_if(
        host.hypervisor.domains,
        [](const auto& entry) { return entry.first != 0 && is_running(entry.second); }));
}

bool nobody_runs(const ProcessStamp& /*stamp*/) {
    return false;
}

void calm(FakeHost& host) {
    host.faults.none();
    host.network.settle();
    while (host.store.wait_event({})) {
    }
}

}  // namespace

std::map<std::uint64_t, std::vector<std::byte>> contents_of(const FakeMemory& memory) {
    auto contents = memory.contents;
    std::erase_if(contents, [](const auto& page) {
        return std::ranges::all_of(page.second, [](std::byte byte) { return byte == std::byte{}; });
    });
    return contents;
}

Hosts::Hosts(const GuestConfig& config) {
    furnish(source);
    furnish(destination);
    source_before = holdings(source);
    destination_before = holdings(destination);
    destination.hypervisor.next_id = 40;
    id = source.add_guest(config);
    answers_by_channel(source, id);
    source.hypervisor.on_notify = [this,
                                   before = source.hypervisor.on_notify](std::uint16_t guest) {
        suspended = contents_of(source.hypervisor.domain(id).memory);
        before(guest);
    };
}

MigrationEnd Hosts::migrate(LinkPair& links, const MigrateOptions& options,
                            const ReceiveOptions& receive_options) {
    MigrationEnd end;
    std::thread receiver([&, link = links.destination()]() mutable {
        end.destination = ended([&] {
            end.received = verbs::receive(
                destination.ports(), *link, receive_options, kernels,
                [this](const std::string& name) { return take_at_destination(name); });
        });
        link.reset();
    });
    {
        const std::unique_ptr<Link> link = links.source();
        end.source = ended(
            [&] { end.migrated = verbs::migrate(source.ports(), id, *link, options, any_name); });
    }
    receiver.join();
    before_calm();
    calm(source);
    calm(destination);
    end.runs_at_source = running_on(source) > 0;
    end.runs_at_destination = running_on(destination) > 0;
    const auto guest = source.hypervisor.info(id);
    end.in_doubt = guest && guest->in_doubt;
    return end;
}

std::optional<Descriptor> Hosts::take_at_destination(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return held_.insert(name).second ? std::optional(Descriptor()) : std::nullopt;
}

void Hosts::settle() {
    held_.clear();
    static_cast<void>(verbs::reap(source.ports(), nobody_runs));
    static_cast<void>(verbs::reap(destination.ports(), nobody_runs));
    const auto guest = source.hypervisor.info(id);
    if (guest && guest->in_doubt) {
        LinkPair links;
        std::thread receiver([&, link = links.destination()]() mutable {
            static_cast<void>(verbs::receive(
                destination.ports(), *link, {}, kernels,
                [this](const std::string& name) { return take_at_destination(name); }));
            link.reset();
        });
        const std::unique_ptr<Link> link = links.source();
        const std::optional<DomainId> there =
            verbs::settle(source.ports(), id, *link, {}, any_name);
        receiver.join();
        if (!there)
            verbs::settle_here(source.ports(), id, any_name);
    } else if (guest && guest->state == DomainState::shutdown) {
        verbs::wake(source.ports(), {&id, 1}, any_name);
    }
    for (const DomainId there : existing(destination))
        if (destination.hypervisor.domain(there).pauses > 0)
            verbs::unpause(destination.hypervisor, {&there, 1});
    calm(source);
    calm(destination);
}

std::size_t Hosts::running() const {
    return running_on(source) + running_on(destination);
}

bool Hosts::is_as_before(const FakeHost& host) const {
    const Holdings& before = &host == &source ? source_before : destination_before;
    const Holdings now = holdings(host);
    return now.domains == before.domains && now.nodes == before.nodes && now.vifs == before.vifs &&
           now.running_scripts == before.running_scripts && now.scripted == before.scripted;
}

DomainId Hosts::guest_at(const FakeHost& host) const {
    return existing(host).at(0);
}

std::map<std::uint64_t, std::vector<std::byte>> Hosts::contents() const {
    for (const FakeHost* const host : {&source, &destination})
        for (const auto& [number, domain] : host->hypervisor.domains)
            if (number != 0 && is_running(domain))
                return contents_of(domain.memory);
    return {};
}

}  // namespace xcl::test
