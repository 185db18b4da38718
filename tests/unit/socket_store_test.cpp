// SPDX-License-Identifier: BSD-3-Clause
// SocketStore against a daemon that keeps the protocol: requests, replies, large directories.
#include "xenstore/socket_store.hpp"

#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#include "fake_daemon.hpp"
#include "xcl/error.hpp"

namespace {
thread_local unsigned sends = 0;  // of this thread
}

// In the place of the C library's, to count.
extern "C" ssize_t send(int fd, const void* data, std::size_t size, int flags) {
    ++sends;
    return syscall(SYS_sendto, fd, data, size, flags, nullptr, 0);
}

namespace xcl::test {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using xenstore::SocketStore;

TEST(SocketStore, AllRequestsTravelInOneSendAndRepliesComeInTheirOrder) {
    FakeDaemon daemon([](DaemonEnd& end) {
        const auto requests = end.receive(3);  // all of them, before any reply
        for (const WireMessage& request : requests)
            end.reply(request, "value of " + request.body.substr(0, request.body.find('\0')));
    });
    Stopwatch timings{true};
    SocketStore store(timings, daemon.path());
    sends = 0;
    const auto replies =
        store.exchange(std::vector{store_read("/a"), store_read("/b"), store_read("/c")});
    EXPECT_EQ(sends, 1U);
    ASSERT_THAT(replies, SizeIs(3));
    EXPECT_THAT(replies, Each(Field(&StoreReply::error, 0)));
    EXPECT_EQ(replies[0].value, "value of /a");
    EXPECT_EQ(replies[2].value, "value of /c");
    EXPECT_GT(timings.timings().store, 0ns);
    EXPECT_EQ(timings.timings().hypervisor, 0ns);
}

TEST(SocketStore, EachOperationTravelsAsTheProtocolSays) {
    std::vector<WireMessage> received;
    {
        FakeDaemon daemon([&](DaemonEnd& end) {
            received = end.receive(6);
            for (const WireMessage& request : received)
                end.reply(request, "");
        });
        Stopwatch timings{true};
        SocketStore store(timings, daemon.path());
        const std::vector<std::string> permissions{"n0", "r5"};
        static_cast<void>(store.exchange(std::vector{
            store_read("/a"), store_directory("/a"), store_write("/a", "x"), store_remove("/a"),
            store_permissions("/a", permissions), store_introduce(DomainId(5), 77, 1)}));
    }
    ASSERT_THAT(received, SizeIs(6));
    const std::vector<std::pair<std::uint32_t, std::string>> expected{
        {XS_READ, "/a\0"s}, {XS_DIRECTORY, "/a\0"s},         {XS_WRITE, "/a\0x"s},
        {XS_RM, "/a\0"s},   {XS_SET_PERMS, "/a\0n0\0r5\0"s}, {XS_INTRODUCE, "5\00077\0001\0"s}};
    for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ(received[i].type, expected[i].first);
        EXPECT_EQ(received[i].body, expected[i].second);
        EXPECT_EQ(received[i].transaction, 0U);
    }
}

TEST(SocketStore, NumbersOfRequestsAreNeverUsedTwice) {
    std::vector<std::uint32_t> numbers;
    {
        FakeDaemon daemon([&](DaemonEnd& end) {
            for (int i = 0; i < 5; ++i) {
                const WireMessage request = end.receive();
                numbers.push_back(request.request);
                end.reply(request, "");
            }
        });
        Stopwatch timings{true};
        SocketStore store(timings, daemon.path());
        static_cast<void>(store.exchange(std::vector{store_read("/a"), store_read("/b")}));
        store.watch("/a", "t");
        store.unwatch("/a", "t");
        static_cast<void>(store.exchange(std::vector{store_read("/a")}));
    }
    EXPECT_THAT(numbers, ElementsAre(0, 1, 2, 3, 4));
}

TEST(SocketStore, EmptyExchangeSendsNothing) {
    FakeDaemon daemon([](DaemonEnd& end) { EXPECT_FALSE(end.has_more()); });
    Stopwatch timings{true};
    SocketStore store(timings, daemon.path());
    EXPECT_THAT(store.exchange({}), IsEmpty());
}

TEST(SocketStore, RefusalsCarryTheErrnoOfTheirNameAndLeaveTheOtherRepliesAlone) {
    const std::vector<std::pair<std::string, int>> names{
        {"EINVAL", EINVAL}, {"EACCES", EACCES}, {"EEXIST", EEXIST},       {"EISDIR", EISDIR},
        {"ENOENT", ENOENT}, {"ENOMEM", ENOMEM}, {"ENOSPC", ENOSPC},       {"EIO", EIO},
        {"ENOSYS", ENOSYS}, {"EROFS", EROFS},   {"ENOTEMPTY", ENOTEMPTY}, {"EBUSY", EBUSY},
        {"EAGAIN", EAGAIN}, {"E2BIG", E2BIG},   {"EISCONN", EISCONN},     {"EPERM", EPERM},
        {"EWHATEVER", EIO}, {"", EIO}};
    FakeDaemon daemon([&](DaemonEnd& end) {
        for (const auto& entry : names)
            end.refuse(end.receive(), entry.first);
        end.reply(end.receive(), "fine");
    });
    Stopwatch timings{true};
    SocketStore store(timings, daemon.path());
    std::vector<StoreRequest> requests(names.size() + 1, store_read("/a"));
    const auto replies = store.exchange(requests);
    ASSERT_THAT(replies, SizeIs(requests.size()));
    for (std::size_t i = 0; i < names.size(); ++i) {
        EXPECT_EQ(replies[i].error, names[i].second) << names[i].first;
        EXPECT_EQ(replies[i].value, "");
    }
    EXPECT_EQ(replies.back().error, 0);
    EXPECT_EQ(replies.back().value, "fine");
}

TEST(SocketStore, RepliesMayComeByteByByte) {
    FakeDaemon daemon([](DaemonEnd& end) {
        const auto requests = end.receive(2);
        for (const WireMessage& request : requests)
            for (const char byte :
                 encoded({request.type, request.request, 0, "of " + request.body.substr(0, 2)}))
                end.send_raw({&byte, 1});
    });
    Stopwatch timings{true};
    SocketStore store(timings, daemon.path());
    const auto replies = store.exchange(std::vector{store_read("/a"), store_read("/b")});
    EXPECT_EQ(replies.at(0).value, "of /a");
    EXPECT_EQ(replies.at(1).value, "of /b");
}

TEST(SocketStore, ValuesMayBeAnyBytesUpToTheLargestPayload) {
    std::string value(XENSTORE_PAYLOAD_MAX, 'x');
    value[7] = '\0';
    FakeDaemon daemon([&](DaemonEnd& end) { end.reply(end.receive(), value); });
    Stopwatch timings{true};
    SocketStore store(timings, daemon.path());
    EXPECT_EQ(store.exchange(std::vector{store_read("/a")}).at(0).value, value);
}

TEST(SocketStore, RequestThatIsTooLargeIsRefusedUnsentAndTheNextIsServed) {
    FakeDaemon daemon([](DaemonEnd& end) {
        const WireMessage request = end.receive();
        end.reply(request, request.body);
    });
    Stopwatch timings{true};
    SocketStore store(timings, daemon.path());
    const std::vector too_large{store_read("/before"),
                                store_write("/a", std::string(XENSTORE_PAYLOAD_MAX - 2, 'x'))};
    try {
        static_cast<void>(store.exchange(too_large));
        FAIL() << "sent";
    } catch (const Error& error) {
        EXPECT_EQ(error.failure().error, E2BIG);
        EXPECT_EQ(error.failure().call, "XS_WRITE /a");
    }
    EXPECT_EQ(store.exchange(std::vector{store_read("/b")}).at(0).value, "/b\0"s);
}

TEST(SocketStore, LargestRequestIsSent) {
    FakeDaemon daemon([](DaemonEnd& end) {
        const WireMessage request = end.receive();
        end.reply(request, std::to_string(request.body.size()));
    });
    Stopwatch timings{true};
    SocketStore store(timings, daemon.path());
    const std::vector largest{store_write("/a", std::string(XENSTORE_PAYLOAD_MAX - 3, 'x'))};
    EXPECT_EQ(store.exchange(largest).at(0).value, std::to_string(XENSTORE_PAYLOAD_MAX));
}

// A daemon that reads no further request before it got rid of its last reply.
TEST(SocketStore, MoreRequestsThanTheSocketHoldsAreServed) {
    constexpr std::size_t count = 5000;
    FakeDaemon daemon([](DaemonEnd& end) {
        for (std::size_t i = 0; i < count; ++i)
            end.reply(end.receive(), std::string(200, 'r') + std::to_string(i));
    });
    Stopwatch timings{true};
    SocketStore store(timings, daemon.path());
    const std::vector<StoreRequest> requests(count, store_read("/" + std::string(200, 'p')));
    const auto replies = store.exchange(requests);
    ASSERT_THAT(replies, SizeIs(count));
    EXPECT_TRUE(replies.front().value.ends_with("r0"));
    EXPECT_TRUE(replies.back().value.ends_with("r4999"));
}

std::string names_of(std::size_t from, std::size_t to) {
    std::string names;
    for (std::size_t i = from; i < to; ++i)
        names.append(std::to_string(10000 + i)).push_back('\0');
    return names;
}

// The daemon's end of a directory of `names`, in parts, as of that generation, until the client has
// all from the first part to the last, or has asked `most` times.
void serve_parts(DaemonEnd& end, const std::string& names, const std::string& generation,
                 std::size_t part_bytes, std::size_t most = SIZE_MAX) {
    bool begun = false;
    for (std::size_t served = 0; served < most; ++served) {
        const WireMessage request = end.receive();
        EXPECT_EQ(request.type, XS_DIRECTORY_PART);
        EXPECT_TRUE(request.body.starts_with("/d\0"s));
        const std::size_t offset = std::stoul(request.body.substr(3));
        begun = begun || offset == 0;
        std::string part = names.substr(offset, part_bytes);
        const bool last = offset + part.size() == names.size();
        if (last)
            part.push_back('\0');
        end.reply(request, std::string(generation).append(1, '\0').append(part));
        if (begun && last)
            return;
    }
}

std::vector<std::string> names_read(const FakeDaemon& daemon) {
    Stopwatch timings{true};
    SocketStore store(timings, daemon.path());
    const auto replies = store.exchange(std::vector{store_directory("/d")});
    EXPECT_EQ(replies.at(0).error, 0);
    return directory_names(replies.at(0));
}

TEST(SocketStore, LargeDirectoryIsReadInParts) {
    constexpr std::size_t count = 3000;
    FakeDaemon daemon([](DaemonEnd& end) {
        end.refuse(end.receive(), "E2BIG");
        serve_parts(end, names_of(0, count), "41", 4080);
    });
    const auto names = names_read(daemon);
    ASSERT_THAT(names, SizeIs(count));
    EXPECT_EQ(names.front(), "10000");
    EXPECT_EQ(names.back(), "12999");
}

TEST(SocketStore, EmptyNameThatEndsALargeDirectoryMayComeAlone) {
    FakeDaemon daemon([](DaemonEnd& end) {
        end.refuse(end.receive(), "E2BIG");
        end.reply(end.receive(), "41\0"s + names_of(0, 10));
        end.reply(end.receive(), "41\0\0"s);
    });
    EXPECT_THAT(names_read(daemon), SizeIs(10));
}

TEST(SocketStore, LargeDirectoryThatChangesIsReadAnew) {
    FakeDaemon daemon([](DaemonEnd& end) {
        end.refuse(end.receive(), "E2BIG");
        serve_parts(end, names_of(0, 2000), "41", 4080, 2);
        // Somebody removed names from its start; the offset asked for is of the former list.
        serve_parts(end, names_of(500, 2000), "42", 4080);
    });
    const auto names = names_read(daemon);
    ASSERT_THAT(names, SizeIs(1500));
    EXPECT_EQ(names.front(), "10500");
    EXPECT_EQ(names.back(), "11999");
}

TEST(SocketStore, LargeDirectoryThatGoesMeanwhileIsRefused) {
    FakeDaemon daemon([](DaemonEnd& end) {
        end.refuse(end.receive(), "E2BIG");
        serve_parts(end, names_of(0, 2000), "41", 4080, 1);
        end.refuse(end.receive(), "ENOENT");
    });
    Stopwatch timings{true};
    SocketStore store(timings, daemon.path());
    EXPECT_EQ(store.exchange(std::vector{store_directory("/d")}).at(0).error, ENOENT);
}

TEST(SocketStore, OnlyDirectoriesAreReadInParts) {
    FakeDaemon daemon([](DaemonEnd& end) {
        end.refuse(end.receive(), "E2BIG");
        EXPECT_FALSE(end.has_more());
    });
    Stopwatch timings{true};
    SocketStore store(timings, daemon.path());
    EXPECT_EQ(store.exchange(std::vector{store_read("/d")}).at(0).error, E2BIG);
}

}  // namespace
}  // namespace xcl::test
