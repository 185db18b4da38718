// SPDX-License-Identifier: BSD-3-Clause
// The record of a guest's vifs: what netback, netfront and hotplug scripts find, in which order,
// and how little of it there is.
#include <algorithm>
#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes.hpp"
#include "record/record.hpp"

namespace xcl::test {
namespace {

using ::testing::ElementsAre;
using Operation = StoreRequest::Operation;

const std::string frontend = "/local/domain/5/device/vif/1";
const std::string backend = "/local/domain/0/backend/vif/5/1";

RecordedVif plain() {
    return {
        .number = 1, .mac = "00:16:3e:80:80:05", .ip = {}, .rate = {}, .script = {}, .bridge = {}};
}

std::vector<StoreRequest> record_of(const RecordedVif& vif) {
    return vif_record(DomainId(5), vif);
}

std::ptrdiff_t writes(const std::vector<StoreRequest>& requests) {
    return std::ranges::count(requests, Operation::write, &StoreRequest::operation);
}

bool holds(const std::vector<StoreRequest>& record, const StoreRequest& request) {
    return std::ranges::find(record, request) != record.end();
}

bool has_entry(const std::vector<StoreRequest>& record, const std::string& path) {
    return std::ranges::find(record, path, &StoreRequest::path) != record.end();
}

TEST(RecordVif, FrontendThenBackendWhoseStateIsTheLast) {
    EXPECT_THAT(
        record_of(plain()),
        ElementsAre(store_write(frontend + "/backend", backend),
                    store_permissions(frontend, std::vector<std::string>{"n5", "r0"}),
                    store_write(frontend + "/backend-id", "0"),
                    store_write(frontend + "/mac", "00:16:3e:80:80:05"),
                    store_write(frontend + "/state", "1"),
                    store_write(backend + "/frontend", frontend),
                    store_permissions(backend, std::vector<std::string>{"n0", "r5"}),
                    store_write(backend + "/frontend-id", "5"),
                    store_write(backend + "/online", "1"), store_write(backend + "/handle", "1"),
                    store_write(backend + "/mac", "00:16:3e:80:80:05"),
                    store_write(backend + "/script", ""),
                    store_write(backend + "/hotplug-status", "connected"),
                    store_write(backend + "/state", "1")));
}

TEST(RecordVif, AddressAndRateAreThereOnlyWhenGiven) {
    RecordedVif vif = plain();
    EXPECT_FALSE(has_entry(record_of(vif), backend + "/ip"));
    EXPECT_FALSE(has_entry(record_of(vif), backend + "/rate"));
    EXPECT_FALSE(has_entry(record_of(vif), backend + "/bridge"));
    vif.ip = "10.0.0.2/24";
    vif.rate = "1250,50000";
    const auto record = record_of(vif);
    EXPECT_TRUE(holds(record, store_write(backend + "/ip", "10.0.0.2/24")));
    EXPECT_TRUE(holds(record, store_write(backend + "/rate", "1250,50000")));
    EXPECT_EQ(record.back(), store_write(backend + "/state", "1"));
    EXPECT_EQ(writes(record), 14);
}

TEST(RecordVif, ScriptFindsItsBridgeAndReportsItselfThatItIsConnected) {
    RecordedVif vif = plain();
    vif.script = "/etc/xen/scripts/vif-bridge";
    vif.bridge = "xenbr0";
    const auto record = record_of(vif);
    EXPECT_TRUE(holds(record, store_write(backend + "/script", "/etc/xen/scripts/vif-bridge")));
    EXPECT_TRUE(holds(record, store_write(backend + "/bridge", "xenbr0")));
    EXPECT_FALSE(has_entry(record, backend + "/hotplug-status"));
}

RecordInput guest_with(std::vector<RecordedVif> vifs) {
    return {.id = DomainId(5),
            .name = "web",
            .store_port = 1,
            .console_port = 2,
            .frames = RingFrames{.xenstore = 4711, .console = 4712},
            .vifs = std::move(vifs)};
}

TEST(RecordVif, GuestWithConsoleAndOneVifTakesAtMost17WritesAnd5PermissionCalls) {
    const auto record = guest_record(guest_with({plain()}));
    const auto directories =
        std::ranges::count(record, Operation::make_directory, &StoreRequest::operation);
    EXPECT_EQ(writes(record), 16);
    EXPECT_EQ(directories, 1);
    EXPECT_EQ(std::ranges::count(record, Operation::set_permissions, &StoreRequest::operation), 5);
    EXPECT_EQ(record.size(), 22U);
}

TEST(RecordVif, TwoVifsAreRecordedOneAfterTheOther) {
    RecordedVif second = plain();
    second.number = 2;
    std::vector<StoreRequest> expected = guest_record(guest_with({}));
    for (const RecordedVif& vif : {plain(), second}) {
        const auto record = record_of(vif);
        expected.insert(expected.end(), record.begin(), record.end());
    }
    EXPECT_EQ(guest_record(guest_with({plain(), second})), expected);
}

TEST(RecordVif, RemovalTakesTheBackendsBeforeTheGuest) {
    EXPECT_THAT(guest_removal(DomainId(5), true),
                ElementsAre(store_remove("/local/domain/0/backend/vif/5"),
                            store_remove("/local/domain/5")));
    EXPECT_THAT(vif_removal({DomainId(5), 1}),
                ElementsAre(store_remove(backend), store_remove(frontend)));
    EXPECT_EQ(backend_errors_removal(DomainId(5)),
              store_remove("/local/domain/0/error/backend/vif/5"));
}

// What a daemon makes of it.
class RecordVifInStore : public ::testing::Test {
  protected:
    RecordVifInStore() {
        host.network.add_bridge("xenbr0");
        id = host.add_guest(guest_with_vif());
    }
    FakeHost host;
    DomainId id{0};
};

TEST_F(RecordVifInStore, GuestOwnsItsSideAndReadsTheOther) {
    const VifId vif{id, 0};
    EXPECT_EQ(host.store.guest_write(id, frontend_path(vif) + "/state", "4"), 0);
    EXPECT_EQ(host.store.guest_write(id, frontend_path(vif) + "/tx-ring-ref", "8"), 0);
    for (const char* const key : {"", "/state", "/mac", "/online", "/hotplug-status"}) {
        const std::string path = backend_path(vif) + key;
        EXPECT_TRUE(host.store.guest_may_read(id, path)) << path;
        EXPECT_EQ(host.store.guest_write(id, path, "x"), EACCES) << path;
    }
    EXPECT_EQ(host.store.guest_write(id, domain_path(id) + "/device/vif/1/mac", "x"), EACCES);
}

TEST_F(RecordVifInStore, OtherGuestsSeeNeitherSide) {
    const DomainId other = host.add_guest(guest_with_vif());
    for (const std::string& side : {frontend_path({id, 0}), backend_path({id, 0})})
        for (const char* const key : {"", "/state", "/mac"}) {
            EXPECT_FALSE(host.store.guest_may_read(other, side + key)) << side << key;
            EXPECT_EQ(host.store.guest_write(other, side + key, "x"), EACCES) << side << key;
        }
}

}  // namespace
}  // namespace xcl::test
