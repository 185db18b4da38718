// SPDX-License-Identifier: BSD-3-Clause
// ProcessStamp: tells a process that runs from one that ended, also when its pid is taken again.
#include "core/process.hpp"

#include <array>
#include <csignal>

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace xcl {
namespace {

// A process that tells its own stamp and then sleeps until it is ended.
class Child {
  public:
    Child() {
        std::array<int, 2> channel{-1, -1};
        if (pipe(channel.data()) != 0)
            return;
        pid_ = fork();
        if (pid_ == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            const ProcessStamp stamp = this_process();
            if (write(channel[1], &stamp, sizeof stamp) == sizeof stamp)
                pause();
            _exit(1);
        }
        EXPECT_EQ(read(channel[0], &stamp_, sizeof stamp_), sizeof stamp_);
        close(channel[0]);
        close(channel[1]);
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        end();
        collect();
    }

    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] const ProcessStamp& stamp() const { return stamp_; }

    // It ends, and stays a zombie until it is collected.
    void end() {
        if (pid_ <= 0)
            return;
        kill(pid_, SIGKILL);
        siginfo_t info{};
        waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
    }
    void collect() {
        if (pid_ > 0)
            waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }

  private:
    pid_t pid_ = -1;
    ProcessStamp stamp_;
};

TEST(Process, ThisOneRuns) {
    const ProcessStamp self = this_process();
    EXPECT_EQ(self.pid, static_cast<std::uint32_t>(getpid()));
    EXPECT_NE(self.start_ticks, 0U);
    EXPECT_NE(self.pid_namespace, 0U);
    EXPECT_TRUE(is_running(self));
}

TEST(Process, StampOfTheSameProcessIsTheSame) {
    EXPECT_EQ(this_process(), this_process());
}

TEST(Process, AnotherOneRunsUntilItEnds) {
    Child child;
    ASSERT_GT(child.pid(), 0);
    EXPECT_EQ(child.stamp().pid, static_cast<std::uint32_t>(child.pid()));
    EXPECT_TRUE(is_running(child.stamp()));
    child.end();
    EXPECT_FALSE(is_running(child.stamp())) << "a zombie has ended";
    child.collect();
    EXPECT_FALSE(is_running(child.stamp()));
}

TEST(Process, PidTakenByALaterProcessDoesNotRun) {
    ProcessStamp earlier = this_process();
    --earlier.start_ticks;
    EXPECT_FALSE(is_running(earlier));
}

TEST(Process, NameWithParenthesesAndSpacesIsNoObstacle) {
    const ProcessStamp before = this_process();
    char old_name[16] = {};
    ASSERT_EQ(prctl(PR_GET_NAME, old_name), 0);
    ASSERT_EQ(prctl(PR_SET_NAME, "a) Z 1 2 (b"), 0);
    const ProcessStamp renamed = this_process();
    const bool runs = is_running(before);
    prctl(PR_SET_NAME, old_name);
    EXPECT_EQ(renamed, before);
    EXPECT_TRUE(runs);
}

TEST(Process, OneOfAnotherPidNamespaceCountsAsRunning) {
    ProcessStamp foreign{.pid = 0xFFFFFFF0, .start_ticks = 1, .pid_namespace = 0};
    foreign.pid_namespace = static_cast<std::uint16_t>(this_process().pid_namespace + 1);
    EXPECT_TRUE(is_running(foreign));
    foreign.pid_namespace = this_process().pid_namespace;
    EXPECT_FALSE(is_running(foreign));
}

}  // namespace
}  // namespace xcl
