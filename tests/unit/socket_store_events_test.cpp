// SPDX-License-Identifier: BSD-3-Clause
// SocketStore asleep: watches, their events, deadlines and signals.
#include <atomic>
#include <cerrno>
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <xen/io/xs_wire.h>

#include "fake_daemon.hpp"
#include "xcl/error.hpp"
#include "xenstore/socket_store.hpp"

namespace xcl::test {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using std::chrono::steady_clock;
using ::testing::SizeIs;
using xenstore::SocketStore;

TEST(SocketStoreEvents, EventsBetweenRepliesAreKeptInTheirOrder) {
    FakeDaemon daemon([](DaemonEnd& end) {
        const auto requests = end.receive(2);
        end.event("/x", "first");
        end.reply(requests[0], "a");
        end.event("@releaseDomain", "second");
        end.reply(requests[1], "b");
        end.event("/z", "third");
    });
    Stopwatch timings{true};
    SocketStore store(timings, daemon.path());
    const auto replies = store.exchange(std::vector{store_read("/a"), store_read("/b")});
    EXPECT_EQ(replies.at(0).value, "a");
    EXPECT_EQ(replies.at(1).value, "b");
    for (const auto& [path, token] :
         {std::pair("/x", "first"), std::pair("@releaseDomain", "second"),
          std::pair("/z", "third")}) {
        const auto event = store.wait_event(steady_clock::now() + 5s);
        ASSERT_TRUE(event);
        EXPECT_EQ(event->path, path);
        EXPECT_EQ(event->token, token);
    }
}

TEST(SocketStoreEvents, WatchAndUnwatchCarryPathAndToken) {
    std::vector<WireMessage> received;
    {
        FakeDaemon daemon([&](DaemonEnd& end) {
            for (int i = 0; i < 2; ++i) {
                received.push_back(end.receive());
                end.reply(received.back(), "OK");
            }
        });
        Stopwatch timings{true};
        SocketStore store(timings, daemon.path());
        store.watch("/a", "mine");
        store.unwatch("/a", "mine");
    }
    ASSERT_THAT(received, SizeIs(2));
    EXPECT_EQ(received[0].type, XS_WATCH);
    EXPECT_EQ(received[0].body, "/a\0mine\0"s);
    EXPECT_EQ(received[1].type, XS_UNWATCH);
    EXPECT_EQ(received[1].body, "/a\0mine\0"s);
}

TEST(SocketStoreEvents, WatchThatIsRefusedIsAnError) {
    FakeDaemon daemon([](DaemonEnd& end) { end.refuse(end.receive(), "EEXIST"); });
    Stopwatch timings{true};
    SocketStore store(timings, daemon.path());
    try {
        store.watch("/a", "t");
        FAIL() << "watched";
    } catch (const Error& error) {
        EXPECT_EQ(error.failure().error, EEXIST);
        EXPECT_EQ(error.failure().call, "XS_WATCH");
    }
}

TEST(SocketStoreEvents, UnwatchForgetsTheEventsOfItsTokenOnly) {
    FakeDaemon daemon([](DaemonEnd& end) {
        end.reply(end.receive(), "OK");
        end.event("/a", "ends");
        end.event("/b", "stays");
        const WireMessage unwatch = end.receive();
        end.event("/a", "ends");
        end.reply(unwatch, "OK");
    });
    Stopwatch timings{true};
    SocketStore store(timings, daemon.path());
    store.watch("/a", "ends");
    store.unwatch("/a", "ends");
    const auto event = store.wait_event(steady_clock::now() + 5s);
    ASSERT_TRUE(event);
    EXPECT_EQ(event->token, "stays");
}

TEST(SocketStoreEvents, WaitEndsAtItsDeadline) {
    std::atomic<bool> done = false;
    FakeDaemon daemon([&](DaemonEnd&) {
        while (!done)
            std::this_thread::sleep_for(1ms);
    });
    Stopwatch timings{true};
    SocketStore store(timings, daemon.path());
    const auto start = steady_clock::now();
    EXPECT_FALSE(store.wait_event(start + 30ms));
    const auto took = steady_clock::now() - start;
    EXPECT_FALSE(store.wait_event(start));  // already past
    done = true;
    EXPECT_GE(took, 30ms);
    EXPECT_LT(took, 5s);
}

TEST(SocketStoreEvents, EventThatComesLaterEndsTheWait) {
    FakeDaemon daemon([](DaemonEnd& end) {
        std::this_thread::sleep_for(20ms);
        end.event("/a", "t");
    });
    Stopwatch timings{true};
    SocketStore store(timings, daemon.path());
    const auto event = store.wait_event(steady_clock::now() + 10s);
    ASSERT_TRUE(event);
    EXPECT_EQ(event->path, "/a");
}

// Signals interrupt whatever this thread sleeps in, for the scope.
class Interrupted {
  public:
    Interrupted() : thread_(pthread_self()) {
        struct sigaction action {};
        action.sa_handler = [](int) {};  // without SA_RESTART
        sigaction(SIGUSR1, &action, &before_);
    }
    ~Interrupted() { sigaction(SIGUSR1, &before_, nullptr); }
    Interrupted(const Interrupted&) = delete;
    Interrupted& operator=(const Interrupted&) = delete;

    void interrupt() const {
        for (int i = 0; i < 10; ++i) {
            std::this_thread::sleep_for(3ms);
            pthread_kill(thread_, SIGUSR1);
        }
    }

  private:
    pthread_t thread_;
    struct sigaction before_ {};
};

TEST(SocketStoreEvents, SignalsDoNotEndAnExchange) {
    const Interrupted interrupted;
    FakeDaemon daemon([&](DaemonEnd& end) {
        const WireMessage request = end.receive();
        interrupted.interrupt();
        end.reply(request, "a");
    });
    Stopwatch timings{true};
    SocketStore store(timings, daemon.path());
    EXPECT_EQ(store.exchange(std::vector{store_read("/a")}).at(0).value, "a");
}

TEST(SocketStoreEvents, SignalsDoNotEndASendThatWaitsForRoom) {
    constexpr std::size_t count = 3000;
    const Interrupted interrupted;
    FakeDaemon daemon([&](DaemonEnd& end) {
        interrupted.interrupt();
        for (const WireMessage& request : end.receive(count))
            end.reply(request, "");
    });
    Stopwatch timings{true};
    SocketStore store(timings, daemon.path());
    const std::vector<StoreRequest> requests(count, store_read("/" + std::string(300, 'p')));
    EXPECT_THAT(store.exchange(requests), SizeIs(count));
}

TEST(SocketStoreEvents, SignalsDoNotEndAWait) {
    const Interrupted interrupted;
    FakeDaemon daemon([&](DaemonEnd& end) {
        interrupted.interrupt();
        end.event("/a", "t");
    });
    Stopwatch timings{true};
    SocketStore store(timings, daemon.path());
    EXPECT_TRUE(store.wait_event(steady_clock::now() + 10s));
}

}  // namespace
}  // namespace xcl::test
