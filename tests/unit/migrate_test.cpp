// SPDX-License-Identifier: BSD-3-Clause
// migrate and receive: the guest is whole there and gone here, with as little sent as may be.
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <xen/elfnote.h>

#include "elf_builder.hpp"
#include "migrating.hpp"
#include "record/label.hpp"
#include "record/record.hpp"
#include "verbs/precopy.hpp"

namespace xcl::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using image::page_size;

GuestConfig tiny_guest() {
    GuestConfig config = small_guest();
    config.memory_mib = 1;
    return config;
}

// Before each look at its pages, as if it ran on.
void writes_between_rounds(Hosts& hosts, std::function<void(FakeMemory&)> write) {
    hosts.source.faults.meanwhile("read", [&hosts, write] {
        FakeDomain& guest = hosts.source.hypervisor.domain(hosts.id);
        if (guest.ended)
            return;
        write(guest.memory);
        writes_between_rounds(hosts, write);
    });
}

TEST(Migrate, GuestIsThereWhatItWasHere) {
    Hosts hosts(tiny_guest());
    const FakeMemory memory = hosts.source.hypervisor.domain(hosts.id).memory;
    const Uuid uuid = hosts.source.hypervisor.domain(hosts.id).uuid;
    hosts.source.store.guest_write(hosts.id, domain_path(hosts.id) + "/data/motd", "hello");
    LinkPair links;
    const MigrationEnd end = hosts.migrate(links);
    ASSERT_TRUE(end.migrated) << end.source.error;
    ASSERT_TRUE(end.received) << end.destination.error;
    EXPECT_EQ(end.migrated->there, end.received->id);
    EXPECT_EQ(end.migrated->name, "small");
    EXPECT_EQ(end.received->name, "small");
    EXPECT_EQ(end.migrated->bytes, links.carried(Way::there));
    EXPECT_TRUE(hosts.is_as_before(hosts.source));
    const DomainId id = end.received->id;
    EXPECT_TRUE(is_whole(hosts.destination, id));
    EXPECT_TRUE(runs(hosts.destination, id));
    EXPECT_EQ(token_of(hosts.destination.hypervisor.domain(id).uuid), token_of(uuid));
    EXPECT_EQ(hosts.contents(), contents_of(memory));
    EXPECT_EQ(hosts.destination.hypervisor.domain(id).memory.pages, memory.pages);
    EXPECT_EQ(hosts.destination.hypervisor.domain(id).memory.state, memory.state);
    EXPECT_EQ(hosts.destination.store.value(domain_path(id) + "/data/motd"), "hello");
    EXPECT_NE(hosts.destination.store.value(domain_path(id) + "/console/ring-ref"), "");
}

TEST(Migrate, GuestThatIsDeclinedIsSentByLibxenguestOnceItStandsStill) {
    Hosts hosts(tiny_guest());
    const FakeMemory memory = hosts.source.hypervisor.domain(hosts.id).memory;
    hosts.source.hypervisor.domain(hosts.id).memory.declined = "its p2m is strange";
    hosts.source.hypervisor.on_notify = [&, before = hosts.source.hypervisor.on_notify](auto id) {
        hosts.source.store.guest_write(hosts.id, domain_path(hosts.id) + "/data/motd", "late");
        before(id);
    };
    LinkPair links;
    unsigned rounds_while_it_ran = 0;
    std::string declined;
    const MigrationEnd end =
        hosts.migrate(links, {.on_round = [&](const MigrationRound&) { ++rounds_while_it_ran; },
                              .on_declined =
                                  [&](DomainId id, const std::string& why) {
                                      EXPECT_EQ(id, hosts.id);
                                      EXPECT_TRUE(runs(hosts.source, id));
                                      declined = why;
                                  }});
    ASSERT_TRUE(end.migrated) << end.source.error;
    ASSERT_TRUE(end.received) << end.destination.error;
    EXPECT_EQ(end.migrated->declined, "its p2m is strange");
    EXPECT_EQ(declined, "its p2m is strange");
    EXPECT_EQ(rounds_while_it_ran, 0U);
    ASSERT_THAT(end.migrated->rounds, SizeIs(1));
    EXPECT_GT(end.migrated->rounds[0].bytes, contents_of(memory).size() * page_size);
    EXPECT_EQ(end.migrated->bytes, links.carried(Way::there));
    EXPECT_TRUE(hosts.is_as_before(hosts.source));
    const DomainId id = end.received->id;
    EXPECT_TRUE(is_whole(hosts.destination, id));
    EXPECT_EQ(hosts.contents(), contents_of(memory));
    EXPECT_EQ(hosts.destination.hypervisor.domain(id).memory.state, memory.state);
    EXPECT_EQ(hosts.destination.store.value(domain_path(id) + "/data/motd"), "late");
}

TEST(Migrate, ReasonIsHeardOfOneWhoReadsNoMore) {
    Hosts hosts(tiny_guest());
    FakeMemory& memory = hosts.source.hypervisor.domain(hosts.id).memory;
    memory.declined = "its p2m is strange";
    for (const image::PageId& page : memory.pages)
        memory.contents[page.pfn].assign(page_size, std::byte{1});  // more than a link holds
    hosts.destination.faults.refuse("restore_by_libxenguest", ENOSYS);
    LinkPair links;
    const MigrationEnd end = hosts.migrate(links);
    EXPECT_THAT(end.source.error, HasSubstr("restore_by_libxenguest: Function not implemented"));
    EXPECT_TRUE(end.runs_at_source);
    EXPECT_TRUE(hosts.is_as_before(hosts.destination));
}

// On either side, before it stands still.
TEST(Migrate, WithoutLibxenguestADeclinedGuestIsNotSuspended) {
    for (FakeHost Hosts::*const side : {&Hosts::source, &Hosts::destination}) {
        Hosts hosts(tiny_guest());
        hosts.source.hypervisor.domain(hosts.id).memory.declined = "its p2m is strange";
        hosts.source.hypervisor.on_notify = [](auto) {
            ADD_FAILURE() << "it was asked to suspend";
        };
        (hosts.*side).faults.refuse("require_libxenguest", ENOENT);
        LinkPair links;
        const MigrationEnd end = hosts.migrate(links);
        EXPECT_THAT(end.source.error, HasSubstr("require_libxenguest: No such file or directory"));
        EXPECT_TRUE(end.runs_at_source);
        EXPECT_TRUE(hosts.is_as_before(hosts.destination));
    }
}

TEST(Migrate, GuestThatIsDeclinedOnceItStandsStillRunsOn) {
    Hosts hosts(tiny_guest());
    hosts.source.hypervisor.on_notify = [&, before = hosts.source.hypervisor.on_notify](auto id) {
        hosts.source.hypervisor.domain(hosts.id).memory.declined = "its p2m is strange";
        before(id);
    };
    LinkPair links;
    const MigrationEnd end = hosts.migrate(links);
    EXPECT_THAT(end.source.error, HasSubstr("its p2m is strange"));
    EXPECT_THAT(end.source.hint, HasSubstr("another attempt"));
    EXPECT_TRUE(end.runs_at_source);
}

TEST(Migrate, VifIsOnItsSwitchBeforeTheGuestStopsAndIsAnnouncedWhenItRuns) {
    GuestConfig config = tiny_guest();
    config.vifs.emplace_back();
    config.vifs.front().mac = parse_mac("00:16:3e:11:22:33");
    config.vifs.front().ip = {.kind = VifAddress::Kind::fixed, .text = "10.0.0.9", .prefix = 24};
    Hosts hosts(config);
    bool was_plugged = false;
    hosts.source.hypervisor.on_notify = [&, before = hosts.source.hypervisor.on_notify](auto id) {
        was_plugged = hosts.destination.network.plugged_into("xenbr0") == 1;
        before(id);
    };
    LinkPair links;
    const MigrationEnd end = hosts.migrate(links);
    ASSERT_TRUE(end.received) << end.destination.error;
    EXPECT_TRUE(was_plugged);
    EXPECT_TRUE(hosts.is_as_before(hosts.source));
    EXPECT_THAT(hosts.destination.network.announced,
                ElementsAre("vif40.0 00:16:3e:11:22:33 10.0.0.9/32"));
    const std::string backend = backend_path({end.received->id, 0});
    EXPECT_EQ(hosts.destination.store.value(backend + "/mac"), "00:16:3e:11:22:33");
    EXPECT_EQ(hosts.destination.store.value(backend + "/ip"), "10.0.0.9/24");
}

TEST(Migrate, AtMostSeventeenWritesMakeAGuestWithAConsoleAndAVif) {
    Hosts hosts(guest_with_vif());
    LinkPair links;
    ASSERT_TRUE(hosts.migrate(links).received);
    std::ptrdiff_t writes = 0;
    for (const auto& exchange : hosts.destination.store.exchanges)
        for (const StoreRequest& request : exchange)
            if (request.operation == StoreRequest::Operation::write)
                ++writes;
    EXPECT_LE(writes, 17);
}

TEST(Migrate, VifsGoToTheSwitchThatIsNamed) {
    Hosts hosts(guest_with_vif());
    hosts.destination.network.add_bridge("xenbr1");
    LinkPair links;
    ASSERT_TRUE(
        hosts.migrate(links, {.switch_name = "xenbr1"}, {.switch_name = "xenbr0"}).received);
    EXPECT_EQ(hosts.destination.network.plugged_into("xenbr1"), 1U);
}

TEST(Migrate, PagesThatDoNotChangeAreSentOnce) {
    Hosts hosts(tiny_guest());
    const auto pages = contents_of(hosts.source.hypervisor.domain(hosts.id).memory).size();
    LinkPair links;
    const MigrationEnd end = hosts.migrate(links);
    ASSERT_TRUE(end.migrated);
    ASSERT_GE(end.migrated->rounds.size(), 2U);
    const std::size_t tables = 1;  // the one that is not zero
    EXPECT_EQ(end.migrated->rounds.front().pages, pages - tables);
    EXPECT_EQ(end.migrated->rounds.back().pages, 2U);  // its tables
    EXPECT_LT(end.migrated->bytes, (pages + 8) * page_size);
}

TEST(Migrate, PagesWrittenMeanwhileAreSentAnew) {
    Hosts hosts(tiny_guest());
    unsigned char round = 100;
    writes_between_rounds(hosts, [&](FakeMemory& memory) {
        ++round;
        for (std::uint64_t pfn = 30; pfn < 94; ++pfn)
            memory.contents[pfn].assign(page_size, static_cast<std::byte>(round + pfn));
        memory.contents[100].assign(page_size, std::byte{});  // becomes zero
        memory.contents[101].assign(page_size, static_cast<std::byte>(round % 2));
    });
    LinkPair links;
    const MigrationEnd end = hosts.migrate(links);
    ASSERT_TRUE(end.migrated) << end.source.error;
    EXPECT_LE(end.migrated->rounds.size(), 4U);  // it does not get less
    EXPECT_EQ(hosts.contents(), hosts.suspended);
}

TEST(Migrate, ContentsThatMovedAreNotSentAgain) {
    Hosts hosts(tiny_guest());
    bool moved = false;
    hosts.source.hypervisor.on_notify = [&, before = hosts.source.hypervisor.on_notify](auto id) {
        FakeMemory& memory = hosts.source.hypervisor.domain(hosts.id).memory;
        for (std::uint64_t pfn = 30; pfn < 60; pfn += 3)
            memory.contents[pfn + 1] =
                std::exchange(memory.contents[pfn], std::vector(page_size, std::byte{}));
        moved = true;
        before(id);
    };
    LinkPair links;
    const MigrationEnd end = hosts.migrate(links);
    ASSERT_TRUE(end.migrated) << end.source.error;
    ASSERT_TRUE(moved);
    EXPECT_EQ(end.migrated->rounds.back().known_pages, 10U);
    EXPECT_EQ(hosts.contents(), hosts.suspended);
}

// A kernel of three pages that differ, and are not in a guest of some_memory.
void write_kernel(const std::string& path) {
    std::string text;
    for (const char c : {'k', 'l', 'n'})
        text += std::string(page_size, c);
    const Bytes kernel = ElfBuilder{}
                             .load(0, text, text.size())
                             .note_segment(Notes{}.text(XEN_ELFNOTE_GUEST_OS, "Test"))
                             .build();
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(kernel.data()),
               static_cast<std::streamsize>(kernel.size()));
}

// In a guest's memory that kernel's pages, the first of them twice, and one that only looks alike.
void put_kernel(FakeMemory& memory) {
    std::uint64_t pfn = 30;
    for (const char c : {'k', 'l', 'n', 'k', 'o'})
        memory.contents[pfn++].assign(page_size, static_cast<std::byte>(c));
}

TEST(Migrate, PagesOfAKernelThatIsThereAreNotSent) {
    const ImageFolder folder;
    write_kernel(folder.file("kernel"));
    std::vector<MigrationRound> first;
    for (const bool is_there : {false, true}) {
        Hosts hosts(tiny_guest());
        put_kernel(hosts.source.hypervisor.domain(hosts.id).memory);
        if (is_there)
            hosts.kernels.add_directory(folder.file(""));
        LinkPair links;
        const MigrationEnd end = hosts.migrate(links);
        ASSERT_TRUE(end.migrated) << end.source.error;
        EXPECT_EQ(hosts.contents(), hosts.suspended);
        EXPECT_EQ(hosts.contents().at(33), std::vector(page_size, std::byte{'k'}));
        EXPECT_TRUE(hosts.is_as_before(hosts.source));
        first.push_back(end.migrated->rounds.front());
    }
    EXPECT_EQ(first[0].pages, first[1].pages);
    EXPECT_EQ(first[0].known_pages, 1U);  // that is there twice
    EXPECT_EQ(first[1].known_pages, 4U);
    // Three pages fewer, and as many references more.
    EXPECT_LT(first[1].bytes, first[0].bytes - 3 * page_size + 200);
    EXPECT_GT(first[1].bytes, first[0].bytes - 3 * page_size - 200);
}

TEST(Migrate, PageThatWasTheKernelsAndChangedIsSent) {
    const ImageFolder folder;
    write_kernel(folder.file("kernel"));
    Hosts hosts(tiny_guest());
    hosts.kernels.add_directory(folder.file(""));
    put_kernel(hosts.source.hypervisor.domain(hosts.id).memory);
    char c = 'k';
    writes_between_rounds(hosts, [&](FakeMemory& memory) {
        memory.contents[30].assign(page_size, static_cast<std::byte>(c++));  // k and l are known
        memory.contents[31][5] ^= std::byte{1};
    });
    LinkPair links;
    const MigrationEnd end = hosts.migrate(links);
    ASSERT_TRUE(end.migrated) << end.source.error;
    EXPECT_EQ(hosts.contents(), hosts.suspended);
}

TEST(Migrate, RefusalsComeWhileTheGuestRuns) {
    struct Case {
        const char* name;
        std::function<void(Hosts&)> prepare;
        const char* reason;
    };
    const std::vector<Case> cases{
        {"memory", [](Hosts& hosts) { hosts.destination.hypervisor.free_pages = 100; },
         "there: cannot create the guest: it needs 4 MiB of memory, the host has 0 MiB free"},
        {"switch", [](Hosts& hosts) { hosts.destination.network.bridges.clear(); }, "xenbr0"},
        {"interface", [](Hosts& hosts) { hosts.destination.network.netback_works = false; },
         "there: "}};
    for (const Case& one : cases) {
        SCOPED_TRACE(one.name);
        Hosts hosts(guest_with_vif());
        one.prepare(hosts);
        LinkPair links;
        const MigrationEnd end =
            hosts.migrate(links, {}, {.timeout = std::chrono::milliseconds(10)});
        EXPECT_THAT(end.source.error, HasSubstr(one.reason));
        EXPECT_FALSE(end.destination.well());
        EXPECT_TRUE(end.runs_at_source);
        EXPECT_EQ(hosts.source.hypervisor.domain(hosts.id).notified, 0U);
        EXPECT_THAT(existing(hosts.destination), IsEmpty());
        EXPECT_EQ(holdings(hosts.destination).nodes, hosts.destination_before.nodes);
    }
}

TEST(Migrate, GuestThatDoesNotAnswerRunsOn) {
    Hosts hosts(tiny_guest());
    hosts.source.hypervisor.on_notify = [](std::uint16_t) {};
    LinkPair links;
    const MigrationEnd end = hosts.migrate(links, {.timeout = std::chrono::milliseconds(0)});
    EXPECT_THAT(end.source.error, HasSubstr("did not answer"));
    EXPECT_TRUE(end.runs_at_source);
    EXPECT_TRUE(hosts.is_as_before(hosts.destination));
}

TEST(Migrate, GuestWhoseTableNamesStrangersRunsOn) {
    Hosts hosts(tiny_guest());
    hosts.source.hypervisor.domain(hosts.id).memory.names_strangers = true;
    LinkPair links;
    const MigrationEnd end = hosts.migrate(links);
    EXPECT_THAT(end.source.error, HasSubstr("names memory that is not its own"));
    EXPECT_TRUE(end.runs_at_source);
    EXPECT_TRUE(hosts.is_as_before(hosts.destination));
}

TEST(Migrate, GuestWhosePagesAreOthersThanAtFirstRunsOn) {
    struct Case {
        std::function<void(FakeMemory&)> change;
        const char* reason;
    };
    const std::vector<Case> cases{
        {[](FakeMemory& memory) { memory.pages.pop_back(); }, "it lists 255 pages"},
        {[](FakeMemory& memory) { memory.pages.push_back({.pfn = 256}); },
         "0x100 is not one of those it began with"},
        {[](FakeMemory& memory) {
             memory.pages.back().pfn = std::uint64_t{1} << 40;
             memory.contents[std::uint64_t{1} << 40].assign(page_size, std::byte{5});
         },
         "0x10000000000 is not one of those it began with"}};
    for (const Case& one : cases) {
        Hosts hosts(tiny_guest());
        hosts.source.hypervisor.on_notify = [&,
                                             before = hosts.source.hypervisor.on_notify](auto id) {
            one.change(hosts.source.hypervisor.domain(hosts.id).memory);
            before(id);
        };
        LinkPair links;
        const MigrationEnd end = hosts.migrate(links);
        EXPECT_THAT(end.source.error, HasSubstr(one.reason));
        EXPECT_TRUE(end.runs_at_source);
        EXPECT_TRUE(hosts.is_as_before(hosts.destination));
    }
}

// Replaces the guest by one of libxl's.
void make_foreign(Hosts& hosts) {
    verbs::destroy(hosts.source.ports(), {&hosts.id, 1});
    const DomainId id = hosts.source.add_foreign("theirs");
    FakeDomain& guest = hosts.source.hypervisor.domain(id);
    guest.memory = some_memory(256, 1);
    guest.pages = guest.max_pages = 256;
    hosts.source.store.write(backend_path({id, 0}) + "/mac", "00:16:3e:00:00:09");
    hosts.source.store.write(domain_path(id) + "/vm", "/vm/" + uuid_text(guest.uuid));
    answers_by_channel(hosts.source, id);
    hosts.id = id;
}

TEST(Migrate, GuestOfAnotherToolstackBecomesOurs) {
    Hosts hosts(tiny_guest());
    make_foreign(hosts);
    const DomainId id = hosts.id;
    LinkPair links;
    const MigrationEnd end = hosts.migrate(links);
    ASSERT_TRUE(end.received) << end.source.error;
    EXPECT_FALSE(hosts.source.hypervisor.exists(id));
    for (const auto& node : hosts.source.store.nodes) {
        EXPECT_FALSE(node.first.starts_with("/vm/")) << node.first;
        EXPECT_FALSE(node.first.starts_with("/libxl/2/")) << node.first;
    }
    EXPECT_TRUE(is_whole(hosts.destination, end.received->id));
}

TEST(Migrate, NobodyElseTouchesAGuestInDoubt) {
    Hosts hosts(tiny_guest());
    LinkPair links(LinkPair::never,
                   25 + 24 + 24 + 1);  // after ready, prepared, restored: within running
    const MigrationEnd end = hosts.migrate(links);
    EXPECT_TRUE(end.in_doubt);
    EXPECT_TRUE(end.runs_at_destination);
    EXPECT_THAT(end.source.error, HasSubstr("cannot learn whether it runs at there"));
    EXPECT_THAT(end.source.hint, HasSubstr("cosmos settle 1 HOST"));
    const ImageFolder folder;
    const auto refused = [&](auto step) {
        try {
            step();
        } catch (const Error& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    const std::string why = "was sent to another host and may run there";
    EXPECT_THAT(refused([&] {
                    verbs::wake(hosts.source.ports(), {&hosts.id, 1}, any_name);
                }),
                HasSubstr(why));
    EXPECT_THAT(refused([&] {
                    static_cast<void>(verbs::suspend(hosts.source.ports(), hosts.id,
                                                     folder.file("a"), {}, any_name));
                }),
                HasSubstr(why));
    LinkPair again;
    EXPECT_THAT(hosts.migrate(again).source.error, HasSubstr(why));
    EXPECT_THAT(verbs::reap(hosts.source.ports(), [](const auto&) { return false; }), IsEmpty());
    hosts.settle();
    EXPECT_EQ(hosts.running(), 1U);
    EXPECT_TRUE(hosts.is_as_before(hosts.source));
}

TEST(Migrate, ForeignGuestInDoubtIsItselfAgainOnceSettled) {
    Hosts hosts(tiny_guest());
    make_foreign(hosts);
    const DomainId id = hosts.id;
    const Uuid uuid = hosts.source.hypervisor.domain(id).uuid;
    LinkPair measured;
    // Killed right when it is marked: "go" was never sent.
    hosts.source.faults.meanwhile("set_uuid", [&] { hosts.source.faults.kill_at(1); });
    const MigrationEnd end = hosts.migrate(measured);
    EXPECT_TRUE(end.source.killed);
    EXPECT_TRUE(end.in_doubt);
    EXPECT_FALSE(hosts.source.hypervisor.info(id)->ours);
    verbs::settle_here(hosts.source.ports(), id, any_name);
    EXPECT_EQ(hosts.source.hypervisor.domain(id).uuid, uuid);
    EXPECT_TRUE(runs(hosts.source, id));
}

TEST(Migrate, AnotherRoundIsMadeOnlyWhereItHelps) {
    const auto helps = [](std::vector<std::uint64_t> pages) {
        std::vector<MigrationRound> rounds;
        for (const std::uint64_t count : pages)
            rounds.push_back({.pages = count});
        return verbs::another_round_helps(rounds);
    };
    EXPECT_TRUE(helps({}));
    EXPECT_TRUE(helps({1000}));
    EXPECT_FALSE(helps({16}));
    EXPECT_TRUE(helps({1000, 500}));
    EXPECT_FALSE(helps({1000, 501}));
    EXPECT_FALSE(helps({1000, 64, 64}));
    EXPECT_FALSE(helps({1000, 64, 10}));
    EXPECT_FALSE(helps({1 << 20, 1 << 19, 1 << 18, 1 << 17, 1 << 16, 1 << 15, 1 << 14, 1 << 13}));
}

}  // namespace
}  // namespace xcl::test
