// SPDX-License-Identifier: BSD-3-Clause
// The Store port's requests as they travel, and its replies taken apart.
#include "ports/store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace xcl {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace std::string_literals;

TEST(StoreRequest, PermissionsTravelEachWithItsNul) {
    const auto request = store_permissions("/a", std::vector{"n0"s, "r12"s});
    EXPECT_EQ(request.operation, StoreRequest::Operation::set_permissions);
    EXPECT_EQ(request.path, "/a");
    EXPECT_EQ(request.value, "n0\0r12\0"s);
}

TEST(StoreRequest, IntroduceCarriesDomainFrameAndPort) {
    const auto request = store_introduce(DomainId(12), 0xFFFFFFFFFFFFFFFF, 1023);
    EXPECT_EQ(request.operation, StoreRequest::Operation::introduce);
    EXPECT_EQ(request.path, "12");
    EXPECT_EQ(request.value, "18446744073709551615\0001023\0"s);
}

TEST(StoreRequest, RequestsWithoutAValueCarryTheirPathAlone) {
    for (const auto& request : {store_read("/a"), store_directory("/a"), store_make_directory("/a"),
                                store_remove("/a")}) {
        EXPECT_EQ(request.path, "/a");
        EXPECT_EQ(request.value, "");
    }
}

TEST(StoreRequest, WriteKeepsBytesOfItsValue) {
    EXPECT_EQ(store_write("/a", "x\0y"s).value, "x\0y"s);
}

TEST(StoreRequest, DescriptionNamesTheMessageTypeAndThePath) {
    EXPECT_EQ(describe(store_read("/a/b")), "XS_READ /a/b");
    EXPECT_EQ(describe(store_directory("/a/b")), "XS_DIRECTORY /a/b");
    EXPECT_EQ(describe(store_write("/a/b", "secret")), "XS_WRITE /a/b");
    EXPECT_EQ(describe(store_make_directory("/a/b")), "XS_MKDIR /a/b");
    EXPECT_EQ(describe(store_remove("/a/b")), "XS_RM /a/b");
    EXPECT_EQ(describe(store_permissions("/a/b", {})), "XS_SET_PERMS /a/b");
    EXPECT_EQ(describe(store_introduce(DomainId(5), 1, 2)), "XS_INTRODUCE 5");
}

TEST(DirectoryNames, EachEndsInNul) {
    EXPECT_THAT(directory_names({0,
                                 "0\0"
                                 "12\0"
                                 "name\0"s}),
                ElementsAre("0", "12", "name"));
}

TEST(DirectoryNames, EmptyDirectoryHasNone) {
    EXPECT_THAT(directory_names({0, ""}), IsEmpty());
}

TEST(DirectoryNames, LastNameWithoutNulIsStillAName) {
    EXPECT_THAT(directory_names({0, "a\0b"s}), ElementsAre("a", "b"));
}

TEST(DirectoryNames, RefusedDirectoryHasNone) {
    EXPECT_THAT(directory_names({2, {}}), IsEmpty());
}

}  // namespace
}  // namespace xcl
