// SPDX-License-Identifier: BSD-3-Clause
// resume: makes the guest that was suspended, or many like it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "record/record.hpp"
#include "suspending.hpp"
#include "verbs/vif_plan.hpp"

namespace xcl::test {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class Resume : public ::testing::Test {
  protected:
    Resume() {
        host.store.write("/local/domain/0/backend/vif", "");
        host.store.write("/local/domain/0/error/backend/vif", "");
        host.network.add_bridge("xenbr0", parse_ipv4("10.0.0.1/24"));
    }

    std::vector<CreatedGuest> resume(const LoadedImage& loaded, const ResumeOptions& options = {}) {
        return verbs::resume(host.ports(), loaded.image, options);
    }

    std::string vif_entry(DomainId id, const std::string& key) const {
        return host.store.value(backend_path({id, 0}) + "/" + key);
    }

    FakeHost host;
    ImageFolder folder;
};

TEST_F(Resume, GuestIsWhatItWas) {
    const DomainId id = host.add_guest(small_guest());
    host.store.guest_write(id, domain_path(id) + "/data/motd", "hello");
    const FakeMemory memory = host.hypervisor.domain(id).memory;
    const LoadedImage loaded = suspended_image(host, id, folder);
    const auto made = resume(loaded);
    ASSERT_THAT(made, SizeIs(1));
    EXPECT_EQ(made[0].name, "small");
    EXPECT_TRUE(is_whole(host, made[0].id));
    EXPECT_TRUE(runs(host, made[0].id));
    EXPECT_EQ(host.hypervisor.domain(made[0].id).memory, memory);
    EXPECT_EQ(host.store.value(domain_path(made[0].id) + "/data/motd"), "hello");
    EXPECT_EQ(host.store.guest_write(made[0].id, domain_path(made[0].id) + "/data/motd", ""), 0);
}

TEST_F(Resume, PausedGuestIsNeverUnpaused) {
    const LoadedImage loaded = suspended_image(host, host.add_guest(small_guest()), folder);
    const auto made = resume(loaded, {.paused = true});
    EXPECT_EQ(host.hypervisor.domain(made.at(0).id).pauses, 1U);
}

TEST_F(Resume, VifHasItsNumberItsMacAndItsSwitch) {
    GuestConfig config = guest_with_vif();
    config.vifs.front().mac = parse_mac("00:16:3e:11:22:33");
    config.vifs.front().ip = {.kind = VifAddress::Kind::fixed, .text = "10.0.0.9", .prefix = 24};
    config.vifs.emplace_back();
    const DomainId id = host.add_guest(config);
    const LoadedImage loaded = suspended_image(host, id, folder);
    const DomainId now = resume(loaded).at(0).id;
    EXPECT_EQ(vif_entry(now, "mac"), "00:16:3e:11:22:33");
    EXPECT_EQ(vif_entry(now, "ip"), "10.0.0.9/24");
    EXPECT_EQ(host.store.value(backend_path({now, 1}) + "/mac"),
              mac_text(verbs::generated_mac({id, 1})));
    EXPECT_EQ(host.network.interface_of({now, 0})->bridge->name, "xenbr0");
}

TEST_F(Resume, GapBetweenVifsStays) {
    GuestConfig config = guest_with_vif();
    config.vifs.emplace_back();
    const DomainId id = host.add_guest(config);
    LoadedImage loaded = suspended_image(host, id, folder);
    loaded.image.guest.vif_numbers = {0, 3};
    const DomainId now = resume(loaded).at(0).id;
    EXPECT_TRUE(host.store.exists(backend_path({now, 3})));
    EXPECT_FALSE(host.store.exists(backend_path({now, 1})));
}

TEST_F(Resume, CopiesHaveNamesMacsAndAddressesOfTheirOwn) {
    GuestConfig config = guest_with_vif();
    config.vifs.front().ip = {.kind = VifAddress::Kind::automatic, .text = {}, .prefix = {}};
    const DomainId id = host.add_guest(config);
    const LoadedImage loaded = suspended_image(host, id, folder);
    const auto made = resume(loaded, {.count = 3});
    ASSERT_THAT(made, SizeIs(3));
    for (const CreatedGuest& guest : made) {
        EXPECT_TRUE(is_whole(host, guest.id));
        EXPECT_EQ(guest.name, "small-" + std::to_string(guest.id.value()));
        EXPECT_EQ(vif_entry(guest.id, "mac"), mac_text(verbs::generated_mac({guest.id, 0})));
    }
    EXPECT_NE(vif_entry(made[0].id, "ip"), vif_entry(made[1].id, "ip"));
}

TEST_F(Resume, VifsGoToTheSwitchThatIsNamed) {
    host.network.add_bridge("xenbr1", parse_ipv4("10.0.1.1/24"));
    GuestConfig config = guest_with_vif();
    config.vifs.front().bridge = "xenbr0";
    const LoadedImage loaded = suspended_image(host, host.add_guest(config), folder);
    const DomainId now = resume(loaded, {.switch_name = "xenbr1"}).at(0).id;
    EXPECT_EQ(host.network.interface_of({now, 0})->bridge->name, "xenbr1");
}

}  // namespace
}  // namespace xcl::test
