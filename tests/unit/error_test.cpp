// SPDX-License-Identifier: BSD-3-Clause
// Error: one line of those parts of a failure that are known.
#include "xcl/error.hpp"

#include <cerrno>

#include <gtest/gtest.h>

namespace xcl {
namespace {

TEST(Error, LineHoldsDomainTaskCallAndReason) {
    const Error error({.domain = DomainId(5),
                       .doing = "build the guest's memory",
                       .call = "XENMEM_populate_physmap",
                       .error = ENOMEM,
                       .hint = "buy some"});
    EXPECT_STREQ(error.what(),
                 "domain 5: cannot build the guest's memory: XENMEM_populate_physmap: Cannot "
                 "allocate memory");
}

TEST(Error, PartsThatAreUnknownLeaveNoTrace) {
    EXPECT_STREQ(Error({.problem = "it is not ELF"}).what(), "it is not ELF");
    EXPECT_STREQ(Error({.doing = "open the door"}).what(), "cannot open the door");
    EXPECT_STREQ(Error({.call = "open", .error = ENOENT}).what(),
                 "open: No such file or directory");
    EXPECT_STREQ(Error({.domain = DomainId(0), .problem = "it is the control domain"}).what(),
                 "domain 0: it is the control domain");
}

TEST(Error, ProblemStandsBetweenCallAndErrno) {
    EXPECT_STREQ(Error({.call = "recv", .error = EIO, .problem = "half a reply"}).what(),
                 "recv: half a reply: Input/output error");
}

TEST(Error, HintIsKeptOutOfTheLine) {
    const Error error({.doing = "open the door", .hint = "find the key"});
    EXPECT_EQ(std::string(error.what()).find("key"), std::string::npos);
    EXPECT_EQ(error.failure().hint, "find the key");
}

TEST(Error, KindDefaultsToFailed) {
    EXPECT_EQ(Error(Failure{}).kind(), ErrorKind::failed);
    EXPECT_EQ(Error({.kind = ErrorKind::no_xen}).kind(), ErrorKind::no_xen);
}

TEST(Error, IsCaughtAsAStandardException) {
    try {
        throw Error({.kind = ErrorKind::no_such_guest, .problem = "gone"});
    } catch (const std::exception& error) {
        EXPECT_STREQ(error.what(), "gone");
    }
}

}  // namespace
}  // namespace xcl
