// SPDX-License-Identifier: BSD-3-Clause
// The record of a guest, request by request: what is sent, how much of it, and in which order.
#include "record/record.hpp"

#include <algorithm>
#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes.hpp"
#include "xcl/uuid.hpp"

namespace xcl::test {
namespace {

using ::testing::ElementsAre;
using Operation = StoreRequest::Operation;

RecordInput with_console() {
    return {.id = DomainId(5),
            .name = "web",
            .store_port = 1,
            .console_port = 2,
            .frames = RingFrames{.xenstore = 4711, .console = 4712},
            .vifs = {}};
}

RecordInput without_console() {
    RecordInput input = with_console();
    input.console_port.reset();
    input.frames->console = 0;
    return input;
}

StoreRequest permissions(const std::string& path, const std::string& guest) {
    return store_permissions(path, std::vector<std::string>{"n0", guest});
}

std::ptrdiff_t count(const std::vector<StoreRequest>& requests, Operation operation) {
    return std::ranges::count(requests, operation, &StoreRequest::operation);
}

TEST(Record, WithConsole) {
    EXPECT_THAT(guest_record(with_console()),
                ElementsAre(store_write("/local/domain/5/name", "web"),
                            permissions("/local/domain/5", "r5"),
                            store_write("/local/domain/5/control/shutdown", ""),
                            permissions("/local/domain/5/control/shutdown", "b5"),
                            store_make_directory("/local/domain/5/data"),
                            permissions("/local/domain/5/data", "b5"),
                            store_write("/local/domain/5/console/port", "2"),
                            store_write("/local/domain/5/console/ring-ref", "4712")));
    EXPECT_EQ(guest_introduction(with_console(), *with_console().frames),
              store_introduce(DomainId(5), 4711, 1));
}

TEST(Record, WhatDependsOnItsMemoryMayFollow) {
    RecordInput input = with_console();
    input.frames.reset();
    std::vector<StoreRequest> expected = guest_record(with_console());
    EXPECT_THAT(rings_record(input, *with_console().frames), ElementsAre(expected.back()));
    expected.pop_back();
    EXPECT_EQ(guest_record(input), expected);
    EXPECT_TRUE(rings_record(without_console(), {}).empty());
}

TEST(Record, WithoutConsoleIsTheSameLessItsTwoEntries) {
    std::vector<StoreRequest> expected = guest_record(with_console());
    std::erase_if(expected, [](const StoreRequest& request) {
        return request.path.starts_with("/local/domain/5/console");
    });
    EXPECT_EQ(guest_record(without_console()), expected);
}

TEST(Record, FourWritesOneDirectoryThreePermissionRequestsWithConsole) {
    const auto record = guest_record(with_console());
    EXPECT_EQ(count(record, Operation::write), 4);
    EXPECT_EQ(count(record, Operation::make_directory), 1);
    EXPECT_EQ(count(record, Operation::set_permissions), 3);
    EXPECT_EQ(record.size(), 8U);
}

TEST(Record, TwoWritesOneDirectoryThreePermissionRequestsWithoutConsole) {
    const auto record = guest_record(without_console());
    EXPECT_EQ(count(record, Operation::write), 2);
    EXPECT_EQ(count(record, Operation::make_directory), 1);
    EXPECT_EQ(count(record, Operation::set_permissions), 3);
    EXPECT_EQ(record.size(), 6U);
}

// What a daemon makes of it: the guest's rights follow from the order of the requests.
class RecordInStore : public ::testing::Test {
  protected:
    RecordInStore() : id(host.add_guest(small_guest())), home(domain_path(id)) {}
    FakeHost host;
    DomainId id;
    std::string home;
};

TEST_F(RecordInStore, GuestMayWriteItsRequestAndItsData) {
    EXPECT_EQ(host.store.guest_write(id, home + "/control/shutdown", ""), 0);
    EXPECT_EQ(host.store.guest_write(id, home + "/data", "x"), 0);
    EXPECT_EQ(host.store.guest_write(id, home + "/data/clickos/0/config", "x"), 0);
}

TEST_F(RecordInStore, GuestMayWriteNothingElse) {
    for (const char* const path : {"", "/name", "/control", "/control/other", "/console/port",
                                   "/console/ring-ref", "/console/limit", "/device/vif/0/mac"})
        EXPECT_EQ(host.store.guest_write(id, home + path, "x"), EACCES) << path;
}

TEST_F(RecordInStore, GuestMayReadItsDirectoryAndItsConsole) {
    for (const char* const path : {"", "/control", "/control/shutdown", "/data", "/console",
                                   "/console/port", "/console/ring-ref"})
        EXPECT_TRUE(host.store.guest_may_read(id, home + path)) << path;
}

TEST_F(RecordInStore, OtherGuestsMayReadAndWriteNothingOfIt) {
    const DomainId other = host.add_guest(small_guest());
    for (const auto& [path, node] : host.store.nodes) {
        if (!path.starts_with(home + "/") && path != home)
            continue;
        EXPECT_FALSE(host.store.guest_may_read(other, path)) << path;
        EXPECT_EQ(host.store.guest_write(other, path, "x"), EACCES) << path;
    }
}

TEST_F(RecordInStore, NoNodeIsOwnedByTheGuest) {
    for (const auto& [path, node] : host.store.nodes)
        EXPECT_EQ(node.permissions.front(), "n0") << path;
}

TEST(Record, RemovalOfAGuestOfOursIsOneRequest) {
    EXPECT_THAT(guest_removal(DomainId(5), false), ElementsAre(store_remove("/local/domain/5")));
}

TEST(Record, RemovalOfAForeignGuestEndsWithItsDirectory) {
    Uuid uuid{};
    uuid[0] = 0xAB;
    uuid[15] = 0x01;
    const std::vector<std::string> kinds{"vif", "vbd"};
    EXPECT_THAT(foreign_removal(DomainId(5), uuid, kinds),
                ElementsAre(store_remove("/local/domain/0/backend/vif/5"),
                            store_remove("/local/domain/0/backend/vbd/5"),
                            store_remove("/vm/ab000000-0000-0000-0000-000000000001"),
                            store_remove("/libxl/5"), store_remove("/local/domain/5")));
}

TEST(Record, DomainPathIsWhereAllDaemonsLook) {
    EXPECT_EQ(domain_path(DomainId(0)), "/local/domain/0");
    EXPECT_EQ(domain_path(DomainId(32751)), "/local/domain/32751");
}

}  // namespace
}  // namespace xcl::test
