// SPDX-License-Identifier: BSD-3-Clause
// SocketStore against daemons that are missing, die, or break the protocol.
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <xen/io/xs_wire.h>

#include "failure_of.hpp"
#include "fake_daemon.hpp"
#include "fakes.hpp"
#include "xcl/error.hpp"
#include "xenstore/socket_store.hpp"

namespace xcl::test {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using std::chrono::steady_clock;
using ::testing::HasSubstr;
using xenstore::SocketStore;

// What a client of that daemon meets when it reads one node.
Failure failure_with(const FakeDaemon::Script& script) {
    const std::size_t descriptors = open_descriptors();
    Failure failure;
    {
        FakeDaemon daemon(script);
        Stopwatch timings{true};
        SocketStore store(timings, daemon.path());
        failure =
            failure_of([&] { static_cast<void>(store.exchange(std::vector{store_read("/a")})); });
    }
    EXPECT_EQ(open_descriptors(), descriptors);
    return failure;
}

Failure failure_to_connect(const std::string& path) {
    const std::size_t descriptors = open_descriptors();
    Stopwatch timings{true};
    Failure failure = failure_of([&] { const SocketStore store(timings, path); });
    EXPECT_EQ(open_descriptors(), descriptors);
    return failure;
}

TEST(SocketStoreErrors, MissingSocketMeansThatTheDaemonDoesNotRun) {
    const Failure failure = failure_to_connect("/nowhere/socket");
    EXPECT_EQ(failure.error, ENOENT);
    EXPECT_EQ(failure.call, "connect to /nowhere/socket");
    EXPECT_THAT(failure.hint, HasSubstr("start xenstored"));
}

TEST(SocketStoreErrors, SocketThatNobodyServesMeansTheSame) {
    std::string path;
    std::string moved = "/tmp/fake-daemon-left-XXXXXX";
    ASSERT_NE(mkdtemp(moved.data()), nullptr);
    {
        const FakeDaemon daemon([](DaemonEnd&) {});
        path = moved + "/socket";
        ASSERT_EQ(rename(daemon.path().c_str(), path.c_str()), 0);
    }
    const Failure failure = failure_to_connect(path);
    EXPECT_EQ(failure.error, ECONNREFUSED);
    EXPECT_THAT(failure.hint, HasSubstr("start xenstored"));
    unlink(path.c_str());
    rmdir(moved.c_str());
}

TEST(SocketStoreErrors, PathThatIsNoSocketIsRefused) {
    EXPECT_EQ(failure_to_connect("/dev/null").error, ECONNREFUSED);
}

TEST(SocketStoreErrors, PathThatIsTooLongIsRefused) {
    EXPECT_THAT(failure_to_connect("/" + std::string(200, 'x')).problem, HasSubstr("too long"));
}

TEST(SocketStoreErrors, DaemonThatClosesBeforeItsReplyIsReported) {
    const Failure failure = failure_with([](DaemonEnd& end) { static_cast<void>(end.receive()); });
    EXPECT_EQ(failure.problem, "the daemon closed the connection");
    EXPECT_THAT(failure.hint, HasSubstr("still running"));
}

TEST(SocketStoreErrors, DaemonThatClosesHalfWayThroughItsReplyIsReported) {
    for (const std::size_t sent : {1U, 15U, 16U, 20U}) {
        const Failure failure = failure_with([&](DaemonEnd& end) {
            const WireMessage request = end.receive();
            end.send_raw(encoded({request.type, request.request, 0, "value"}).substr(0, sent));
        });
        EXPECT_EQ(failure.problem, "the daemon closed the connection") << sent << " bytes";
    }
}

TEST(SocketStoreErrors, DaemonThatClosesBeforeTheRequestIsReported) {
    std::optional<FakeDaemon> daemon([](DaemonEnd&) {});
    Stopwatch timings{true};
    SocketStore store(timings, daemon->path());
    daemon.reset();
    const Failure failure =
        failure_of([&] { static_cast<void>(store.exchange(std::vector{store_read("/a")})); });
    EXPECT_EQ(failure.error, EPIPE);
    EXPECT_EQ(failure.call, "send");
}

TEST(SocketStoreErrors, ReplyThatClaimsTooManyBytesBreaksTheProtocol) {
    for (const std::uint32_t length : {XENSTORE_PAYLOAD_MAX + 1U, 0xFFFFFFFFU}) {
        const Failure failure = failure_with([&](DaemonEnd& end) {
            const WireMessage request = end.receive();
            std::string reply = encoded({request.type, request.request, 0, ""});
            std::memcpy(reply.data() + offsetof(xsd_sockmsg, len), &length, sizeof length);
            end.send_raw(reply);
        });
        EXPECT_THAT(failure.problem, HasSubstr("breaks the protocol")) << length;
    }
}

TEST(SocketStoreErrors, ReplyToAnotherRequestBreaksTheProtocol) {
    const Failure failure = failure_with([](DaemonEnd& end) {
        WireMessage request = end.receive();
        ++request.request;
        end.reply(request, "");
    });
    EXPECT_THAT(failure.problem, HasSubstr("breaks the protocol"));
}

TEST(SocketStoreErrors, EventWithoutPathOrTokenBreaksTheProtocol) {
    for (const std::string& body : {""s, "/a"s, "/a\0"s, "/a\0token"s}) {
        const Failure failure = failure_with([&](DaemonEnd& end) {
            static_cast<void>(end.receive());
            end.send_raw(encoded({XS_WATCH_EVENT, 0, 0, body}));
        });
        EXPECT_THAT(failure.problem, HasSubstr("breaks the protocol"));
    }
}

TEST(SocketStoreErrors, LateReplyIsNotTakenForThatOfTheNextExchange) {
    FakeDaemon daemon([](DaemonEnd& end) {
        const auto requests = end.receive(2);
        end.send_raw(encoded({XS_WATCH_EVENT, 0, 0, "malformed"}));
        end.reply(requests[0], "late");
        end.reply(requests[1], "later");
        static_cast<void>(end.receive());
    });
    Stopwatch timings{true};
    SocketStore store(timings, daemon.path());
    const std::vector two{store_read("/a"), store_read("/b")};
    EXPECT_THROW(static_cast<void>(store.exchange(two)), Error);
    EXPECT_THROW(static_cast<void>(store.exchange(two)), Error);
}

TEST(SocketStoreErrors, ReplyThatNobodyAskedForBreaksTheProtocol) {
    FakeDaemon daemon([](DaemonEnd& end) { end.reply({XS_READ, 0, 0, ""}, "a"); });
    Stopwatch timings{true};
    SocketStore store(timings, daemon.path());
    EXPECT_THAT(
        failure_of([&] { static_cast<void>(store.wait_event(steady_clock::now() + 5s)); }).problem,
        HasSubstr("breaks the protocol"));
}

TEST(SocketStoreErrors, DaemonThatClosesDuringAWaitIsReported) {
    FakeDaemon daemon([](DaemonEnd&) {});
    Stopwatch timings{true};
    SocketStore store(timings, daemon.path());
    EXPECT_EQ(
        failure_of([&] { static_cast<void>(store.wait_event(steady_clock::now() + 5s)); }).problem,
        "the daemon closed the connection");
}

TEST(SocketStoreErrors, LargeDirectoryWithoutItsGenerationBreaksTheProtocol) {
    for (const std::string& part : {""s, "41"s, "41\0"s}) {
        FakeDaemon daemon([&](DaemonEnd& end) {
            end.refuse(end.receive(), "E2BIG");
            end.reply(end.receive(), part);
        });
        Stopwatch timings{true};
        SocketStore store(timings, daemon.path());
        const Failure failure = failure_of(
            [&] { static_cast<void>(store.exchange(std::vector{store_directory("/d")})); });
        EXPECT_THAT(failure.problem, HasSubstr("breaks the protocol"));
    }
}

TEST(SocketStoreErrors, StoreClosesItsSocket) {
    const std::size_t descriptors = open_descriptors();
    {
        FakeDaemon daemon(
            [](DaemonEnd& end) { EXPECT_ANY_THROW(static_cast<void>(end.receive())); });
        Stopwatch timings{true};
        const SocketStore store(timings, daemon.path());
    }
    EXPECT_EQ(open_descriptors(), descriptors);
}

}  // namespace
}  // namespace xcl::test
