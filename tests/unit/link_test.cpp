// SPDX-License-Identifier: BSD-3-Clause
// Links over sockets, pipes and commands: what goes in comes out, and whoever is silent or gone is
// noticed.
#include "xcl/link.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <fstream>
#include <numeric>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/descriptor.hpp"
#include "failure_of.hpp"
#include "fakes.hpp"
#include "suspending.hpp"
#include "xcl/error.hpp"

namespace xcl::test {
namespace {

using ::testing::HasSubstr;
using Bytes = std::vector<std::byte>;
using Clock = Link::Clock;
using namespace std::chrono_literals;

Bytes some_bytes(std::size_t count) {
    Bytes bytes(count);
    std::uint32_t state = 1;
    for (std::byte& byte : bytes) {
        state = state * 1664525 + 1013904223;
        byte = static_cast<std::byte>(state >> 24);
    }
    return bytes;
}

// In parts of odd sizes, some of them empty.
void write_in_parts(Link& link, const Bytes& bytes) {
    std::size_t size = 1;
    for (std::span<const std::byte> rest = bytes; !rest.empty();) {
        std::vector<std::span<const std::byte>> parts;
        for (int i = 0; i < 20 && !rest.empty(); ++i) {
            parts.push_back(rest.first(std::min(rest.size(), i % 7 == 3 ? 0 : size)));
            rest = rest.subspan(parts.back().size());
            size = (size * 7 + 3) % 9001;
        }
        link.write(parts);
    }
}

Bytes read_all(Link& link, std::size_t count) {
    Bytes bytes(count);
    for (std::size_t got = 0; got < count;) {
        const std::size_t now = link.read(std::span(bytes).subspan(got));
        if (now == 0) {
            bytes.resize(got);
            break;
        }
        got += now;
    }
    return bytes;
}

std::string failure(const std::function<void()>& step) {
    try {
        step();
    } catch (const Error& error) {
        return error.what();
    }
    return "none";
}

void write_some(Link& link, std::size_t count) {
    const Bytes bytes = some_bytes(count);
    const std::array<std::span<const std::byte>, 1> parts{bytes};
    link.write(parts);
}

// What goes in one end comes out of the other, both ways at once.
void expect_carries(Link& one, Link& other) {
    const Bytes there = some_bytes(3 << 20);
    const Bytes back = some_bytes(1 << 20);
    std::thread peer([&] {
        std::thread writer([&] { write_in_parts(other, back); });
        EXPECT_TRUE(read_all(other, there.size()) == there);
        writer.join();
    });
    std::thread writer([&] { write_in_parts(one, there); });
    EXPECT_TRUE(read_all(one, back.size()) == back);
    writer.join();
    peer.join();
}

std::array<Descriptor, 2> socket_pair() {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        throw std::runtime_error("no socket pair");
    return {Descriptor(ends[0]), Descriptor(ends[1])};
}

std::array<Descriptor, 2> new_pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
        throw std::runtime_error("no pipe");
    return {Descriptor(ends[0]), Descriptor(ends[1])};
}

TEST(LinkOver, SocketsCarryBothWays) {
    const auto ends = socket_pair();
    const auto one = link_over(ends[0].get(), ends[0].get(), "one");
    const auto other = link_over(ends[1].get(), ends[1].get(), "other");
    EXPECT_EQ(one->peer(), "one");
    expect_carries(*one, *other);
}

TEST(LinkOver, PipesCarryBothWays) {
    const auto there = new_pipe();
    const auto back = new_pipe();
    const auto one = link_over(back[0].get(), there[1].get(), "one");
    const auto other = link_over(there[0].get(), back[1].get(), "other");
    expect_carries(*one, *other);
}

TEST(LinkOver, SilenceEndsAtTheDeadline) {
    const auto ends = socket_pair();
    const auto there = new_pipe();
    const auto back = new_pipe();
    const auto sockets = link_over(ends[0].get(), ends[0].get(), "two");
    const auto pipes = link_over(back[0].get(), there[1].get(), "two");
    for (Link* const link : {sockets.get(), pipes.get()}) {
        std::array<std::byte, 8> buffer{};
        link->set_deadline(Clock::now() + 20ms);
        EXPECT_EQ(failure([&] { static_cast<void>(link->read(buffer)); }),
                  "cannot talk to two: it has been silent for too long");
        link->set_deadline(Clock::now() + 20ms);
        EXPECT_EQ(failure([&] { write_some(*link, 4 << 20); }),
                  "cannot talk to two: it has been silent for too long");
    }
}

TEST(LinkOver, OtherSideThatIsGoneIsNoSignal) {
    struct sigaction before {};
    ASSERT_EQ(sigaction(SIGPIPE, nullptr, &before), 0);
    auto ends = socket_pair();
    auto there = new_pipe();
    auto back = new_pipe();
    const auto sockets = link_over(ends[0].get(), ends[0].get(), "two");
    const auto pipes = link_over(back[0].get(), there[1].get(), "two");
    ends[1] = Descriptor();
    there[0] = Descriptor();
    back[1] = Descriptor();
    for (Link* const link : {sockets.get(), pipes.get()}) {
        std::array<std::byte, 8> buffer{};
        EXPECT_EQ(link->read(buffer), 0U);
        EXPECT_THAT(failure([&] { write_some(*link, 1); }), HasSubstr("Broken pipe"));
    }
    struct sigaction after {};
    ASSERT_EQ(sigaction(SIGPIPE, nullptr, &after), 0);
    EXPECT_EQ(after.sa_handler, before.sa_handler);
    sigset_t pending;
    ASSERT_EQ(sigpending(&pending), 0);
    EXPECT_EQ(sigismember(&pending, SIGPIPE), 0);
}

TEST(LinkOver, DescriptorsStayTheCallersAsTheyWere) {
    const auto ends = socket_pair();
    const int flags = fcntl(ends[0].get(), F_GETFL);
    {
        const auto link = link_over(ends[0].get(), ends[0].get(), "two");
        write_some(*link, 10);
    }
    EXPECT_EQ(fcntl(ends[0].get(), F_GETFL), flags);
}

TEST(RunCommand, IsTheOtherSide) {
    const std::size_t before = open_descriptors();
    {
        const auto link = run_command({"cat"}, "two");
        EXPECT_EQ(link->peer(), "two");
        const Bytes bytes = some_bytes(1 << 20);
        std::thread writer([&] { write_in_parts(*link, bytes); });
        EXPECT_TRUE(read_all(*link, bytes.size()) == bytes);
        writer.join();
    }
    EXPECT_EQ(open_descriptors(), before);
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);  // no child is left
}

TEST(RunCommand, ThatIsNotThereSaysSo) {
    EXPECT_EQ(failure([] { static_cast<void>(run_command({"no-such-command"}, "two")); }),
              "cannot run no-such-command: posix_spawnp: No such file or directory");
}

TEST(RunCommand, ThatIsNoneSaysSo) {
    EXPECT_EQ(failure([] { static_cast<void>(run_command({}, "two")); }),
              "cannot run a command: none is given");
    EXPECT_EQ(failure([] { static_cast<void>(run_command({""}, "two")); }),
              "cannot run a command: none is given");
}

TEST(RunCommand, ThatEndsIsTheEndOfTheLink) {
    const auto link = run_command({"sh", "-c", "printf hello; exit 3"}, "two");
    EXPECT_EQ(read_all(*link, 100).size(), 5U);
}

TEST(RunCommand, ThatDoesNotEndIsKilled) {
    const auto start = Clock::now();
    static_cast<void>(run_command({"sh", "-c", "exec sleep 100"}, "two"));
    EXPECT_LT(Clock::now() - start, 5s);
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
}

class UnixSockets : public ::testing::Test {
  protected:
    // The file of a listener that was killed.
    void leave_stale() const {
        const Descriptor dead(socket(AF_UNIX, SOCK_STREAM, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        ASSERT_EQ(bind(dead.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }

    ImageFolder folder;
    std::string path = folder.file("socket");
};

TEST_F(UnixSockets, CarryBothWays) {
    const auto listener = listen_unix(path);
    EXPECT_EQ(listener->address(), path);
    const auto one = connect_unix(path);
    const auto other = listener->accept()->admit(Clock::now() + 1s);
    expect_carries(*one, *other);
}

TEST_F(UnixSockets, AreTheirOwnersAlone) {
    const mode_t mask = umask(0);
    const auto listener = listen_unix(path);
    umask(mask);
    struct stat status {};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(UnixSockets, GoWithTheirListener) {
    listen_unix(path).reset();
    EXPECT_FALSE(folder.has("socket"));
    EXPECT_THAT(failure([&] { static_cast<void>(connect_unix(path)); }),
                HasSubstr("connect: No such file or directory"));
}

TEST_F(UnixSockets, OfAKilledListenerIsReplacedALiveOneIsNot) {
    leave_stale();
    const auto listener = listen_unix(path);
    EXPECT_THAT(failure([&] { static_cast<void>(listen_unix(path)); }),
                HasSubstr("another process listens there"));
    EXPECT_TRUE(folder.has("socket"));
}

TEST_F(UnixSockets, OfAKilledListenerGoToOneOfManyWhoWantIt) {
    for (int round = 0; round < 20; ++round) {
        leave_stale();
        std::array<std::unique_ptr<Listener>, 8> listeners;
        {
            std::vector<std::jthread> threads;
            for (auto& listener : listeners)
                threads.emplace_back([&] {
                    try {
                        listener = listen_unix(path);
                    } catch (const Error&) {
                        // another one has it
                    }
                });
        }
        ASSERT_EQ(
            std::ranges::count_if(listeners, [](const auto& each) { return each != nullptr; }), 1);
        EXPECT_NO_THROW(static_cast<void>(connect_unix(path)));
    }
}

TEST_F(UnixSockets, DoNotTakeAnothersFileAlong) {
    auto listener = listen_unix(path);
    ASSERT_EQ(unlink(path.c_str()), 0);
    std::ofstream(path) << "precious";
    listener.reset();
    EXPECT_TRUE(folder.has("socket"));
}

// A queue of callers that is full lets the next one wait; who only asks must not.
TEST_F(UnixSockets, OfOneThatIsTooBusyAreNotReplaced) {
    const Descriptor busy(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const auto* const bound = reinterpret_cast<const sockaddr*>(&address);
    ASSERT_EQ(bind(busy.get(), bound, sizeof address), 0);
    ASSERT_EQ(listen(busy.get(), 0), 0);
    std::vector<Descriptor> callers;
    do
        callers.emplace_back(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    while (connect(callers.back().get(), bound, sizeof address) == 0);
    EXPECT_THAT(failure([&] { static_cast<void>(listen_unix(path)); }),
                HasSubstr("another process listens there"));
}

TEST_F(UnixSockets, ReplaceNoOtherFile) {
    std::ofstream(path) << "precious";
    EXPECT_THAT(failure([&] { static_cast<void>(listen_unix(path)); }),
                HasSubstr("there is a file of this name, which is no socket"));
    EXPECT_TRUE(folder.has("socket"));
    EXPECT_THAT(failure([&] { static_cast<void>(listen_unix(std::string(200, 'x'))); }),
                HasSubstr("has 1 to 107 bytes"));
    const std::string cut = path + std::string("\0x", 2);
    EXPECT_THAT(failure_of([&] { static_cast<void>(listen_unix(cut)); }).problem,
                HasSubstr("has 1 to 107 bytes"));
}

TEST_F(UnixSockets, StoppedListenerLetsNobodyIn) {
    const auto listener = listen_unix(path);
    std::thread stopper([&] {
        std::this_thread::sleep_for(20ms);
        listener->stop();
    });
    EXPECT_EQ(listener->accept(), nullptr);
    stopper.join();
    EXPECT_EQ(listener->accept(), nullptr);
}

}  // namespace
}  // namespace xcl::test
