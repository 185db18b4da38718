// SPDX-License-Identifier: BSD-3-Clause
// host cache add: images in the RAM disk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "failure_of.hpp"
#include "fake_machine.hpp"

namespace xcl::test {
namespace {

using ::testing::HasSubstr;

struct Cache : ::testing::Test {
    Cache() {
        machine.ramdisk = 1U << 20;
        machine.files["/srv/web.elf"] = "web";
        machine.files["/srv/db.elf"] = "db";
        machine.files["/srv/.hidden"] = "hidden";
        machine.files["/srv/below/deep.elf"] = "deep";
        machine.directories = {"/srv", "/srv/below", "/empty"};
    }

    std::vector<CachedImage> add(const std::string& path) {
        return host::cache_images(machine, path);
    }

    Faults faults;
    FakeMachine machine{faults};
};

TEST_F(Cache, AnImageGetsAPathThatAConfigMayName) {
    const auto cached = add("/srv/web.elf");
    ASSERT_EQ(cached.size(), 1U);
    EXPECT_EQ(cached[0].path, "/run/cosmos/images/web.elf");
    EXPECT_FALSE(cached[0].replaced);
    EXPECT_EQ(machine.files.at(cached[0].path), "web");
}

TEST_F(Cache, TheSameAgainReplacesNothingAndADifferentOneDoes) {
    add("/srv/web.elf");
    EXPECT_FALSE(add("/srv/web.elf")[0].replaced);
    machine.files["/srv/web.elf"] = "newer";
    EXPECT_TRUE(add("/srv/web.elf")[0].replaced);
    EXPECT_EQ(machine.files.at("/run/cosmos/images/web.elf"), "newer");
}

TEST_F(Cache, OfADirectoryTheFilesRightInIt) {
    const auto cached = add("/srv");
    ASSERT_EQ(cached.size(), 2U);
    EXPECT_EQ(cached[0].path, "/run/cosmos/images/db.elf");
    EXPECT_EQ(cached[1].path, "/run/cosmos/images/web.elf");
}

TEST_F(Cache, RefusesWhatIsNoImage) {
    EXPECT_EQ(failure_of([&] { add("/nowhere"); }).error, ENOENT);
    EXPECT_THAT(failure_of([&] { add("/dev/zero"); }).problem, HasSubstr("not a regular file"));
    EXPECT_THAT(failure_of([&] { add("/empty"); }).problem, HasSubstr("no regular file in it"));
}

TEST_F(Cache, WithoutARamDiskSaysWhoMountsIt) {
    machine.ramdisk.reset();
    EXPECT_THAT(failure_of([&] { add("/srv/web.elf"); }).hint, HasSubstr("host prepare"));
    EXPECT_FALSE(machine.files.contains("/run/cosmos/images/web.elf"));
}

TEST_F(Cache, FailsWhereACallFails) {
    std::size_t point = 0;
    for (;; ++point) {
        faults.fail_at(point, ENOSPC);
        try {
            add("/srv/web.elf");
            break;
        } catch (const Error& error) {
            EXPECT_EQ(error.failure().error, ENOSPC);
            EXPECT_FALSE(machine.files.contains("/run/cosmos/images/web.elf"));
        }
    }
    EXPECT_EQ(point, 6U);  // kind, RAM disk, directory, image, old copy, new copy
}

}  // namespace
}  // namespace xcl::test
