// SPDX-License-Identifier: BSD-3-Clause
// Hotplug scripts that really run: what they are handed, what becomes of their verdicts, and that
// none outlives its time.
#include "net/script.hpp"

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include "core/stopwatch.hpp"
#include "failure_of.hpp"
#include "fakes.hpp"
#include "net/linux_network.hpp"

namespace xcl::test {
namespace {

using net::find_script;
using net::Script;
using std::chrono::steady_clock;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

class ScriptTest : public ::testing::Test {
  protected:
    ScriptTest() {
        std::string pattern = (std::filesystem::temp_directory_path() / "scriptXXXXXX").string();
        folder = mkdtemp(pattern.data());
    }
    ~ScriptTest() override { std::filesystem::remove_all(folder); }

    // A script of that text; $D is its folder.
    [[nodiscard]] ScriptCall call_of(const std::string& text, std::uint16_t guest = 5) const {
        const std::filesystem::path path = folder / fmt::format("script{}", guest);
        std::ofstream(path) << "#!/bin/sh\nD=" << folder.string() << "\n" << text << "\n";
        std::filesystem::permissions(path, std::filesystem::perms::owner_all);
        return {.path = path.string(),
                .action = "online",
                .vif = {DomainId(guest), 2},
                .bridge = "xenbr0"};
    }
    // Runs it to its end; the problem.
    [[nodiscard]] std::string problem_of(const std::string& text) const {
        Script script(call_of(text));
        pollfd ended{.fd = script.descriptor(), .events = POLLIN, .revents = 0};
        EXPECT_EQ(poll(&ended, 1, 10'000), 1);
        return script.problem();
    }
    [[nodiscard]] std::string content(const std::string& file) const {
        std::ifstream stream(folder / file);
        std::ostringstream text;
        text << stream.rdbuf();
        return text.str();
    }
    // The process whose number the script left in that file, once it is there.
    [[nodiscard]] pid_t process_in(const std::string& file) const {
        for (const auto end = steady_clock::now() + 5s; steady_clock::now() < end;
             std::this_thread::sleep_for(1ms))
            if (const std::string text = content(file); text.ends_with('\n'))
                return static_cast<pid_t>(std::stol(text));
        ADD_FAILURE() << "no process in " << file;
        return 0;
    }
    // Whether it is gone, or is about to be.
    [[nodiscard]] static bool ends(pid_t process) {
        for (const auto end = steady_clock::now() + 5s; steady_clock::now() < end;
             std::this_thread::sleep_for(1ms)) {
            std::ifstream status(fmt::format("/proc/{}/stat", process));
            std::string line;
            if (!std::getline(status, line) || line.find(") Z") != std::string::npos)
                return true;
        }
        return false;
    }

    std::filesystem::path folder;
    Stopwatch stopwatch{false};
    net::LinuxNetwork network{stopwatch};
};

TEST_F(ScriptTest, GetsTheArgumentsAndTheEnvironmentOfXensScripts) {
    EXPECT_EQ(problem_of("echo \"$@\" > $D/arguments; env > $D/environment"), "");
    EXPECT_EQ(content("arguments"), "online type_if=vif\n");
    std::map<std::string, std::string> environment;
    std::istringstream lines(content("environment"));
    for (std::string line; std::getline(lines, line);)
        environment[line.substr(0, line.find('='))] = line.substr(line.find('=') + 1);
    for (const auto& [name, value] :
         std::map<std::string, std::string>{{"XENBUS_TYPE", "vif"},
                                            {"XENBUS_PATH", "backend/vif/5/2"},
                                            {"XENBUS_BASE_PATH", "backend"},
                                            {"type_if", "vif"},
                                            {"script", (folder / "script5").string()},
                                            {"vif", "vif5.2"},
                                            {"bridge", "xenbr0"}})
        EXPECT_EQ(environment[name], value) << name;
    EXPECT_THAT(environment["PATH"], HasSubstr("/usr/sbin"));
    EXPECT_FALSE(environment.contains("HOME")) << "ours went in";
}

TEST_F(ScriptTest, ReadsNothing) {
    EXPECT_EQ(problem_of("read line && exit 1; exit 0"), "");
}

TEST_F(ScriptTest, ExitStatusAndTheLastLineAreTheProblem) {
    EXPECT_EQ(problem_of("echo first; echo 'bridge xenbr0 is gone' >&2; exit 3"),
              fmt::format("the script {} failed with exit status 3: bridge xenbr0 is gone",
                          (folder / "script5").string()));
    EXPECT_EQ(problem_of("exit 1"), fmt::format("the script {} failed with exit status 1",
                                                (folder / "script5").string()));
}

TEST_F(ScriptTest, SignalIsAProblem) {
    EXPECT_THAT(problem_of("kill -TERM $$"), HasSubstr("was killed by signal 15"));
}

TEST_F(ScriptTest, OutputOfASuccessIsNoProblem) {
    EXPECT_EQ(problem_of("echo warning >&2"), "");
}

TEST_F(ScriptTest, LastLineIsCutAndFreeOfControls) {
    const std::string problem =
        problem_of("printf 'a\\033[2Jb'; head -c 1000 /dev/zero | tr '\\0' x; exit 1");
    EXPECT_THAT(problem, HasSubstr("a [2Jb"));
    EXPECT_LT(problem.size(), 400U);
    for (const char byte : problem)
        EXPECT_GE(static_cast<unsigned char>(byte), ' ');
}

TEST_F(ScriptTest, OneThatPrintsMoreThanAPipeHoldsEndsAllTheSame) {
    EXPECT_EQ(problem_of("head -c 300000 /dev/zero; exit 0"), "");
}

TEST_F(ScriptTest, LastWordsOfATalkativeOneAreHeard) {
    EXPECT_THAT(
        problem_of("set -e; head -c 300000 /dev/zero | tr '\\0' x; echo; echo gone; exit 3"),
        testing::EndsWith("exit status 3: gone"));
}

TEST_F(ScriptTest, OneThatHangsIsKilledWithItsChildren) {
    pid_t child = 0;
    pid_t parent = 0;
    {
        const Script script(call_of("sleep 1000 & echo $! > $D/child; echo $$ > $D/parent; wait"));
        child = process_in("child");
        parent = process_in("parent");
    }
    EXPECT_TRUE(ends(child));
    EXPECT_EQ(kill(parent, 0), -1) << "not waited for";
}

TEST_F(ScriptTest, WhatItLeavesRunningEndsWithIt) {
    EXPECT_EQ(problem_of("sleep 1000 >/dev/null 2>&1 & echo $! > $D/child"), "");
    EXPECT_TRUE(ends(process_in("child")));
}

TEST_F(ScriptTest, LeavesNoDescriptorBehind) {
    const std::size_t before = open_descriptors();
    EXPECT_EQ(problem_of("exit 0"), "");
    EXPECT_EQ(open_descriptors(), before);
}

TEST_F(ScriptTest, OneThatCannotBeStartedIsAnError) {
    const ScriptCall call{.path = (folder / "missing").string(),
                          .action = "online",
                          .vif = {DomainId(5), 0},
                          .bridge = {}};
    EXPECT_EQ(failure_of([&] { const Script script(call); }).error, ENOENT);
}

TEST_F(ScriptTest, RunScriptReturnsItsProblemOrKillsItAtTheDeadline) {
    EXPECT_EQ(network.run_script(call_of("exit 0"), steady_clock::now() + 10s), "");
    EXPECT_THAT(network.run_script(call_of("echo no; exit 2"), steady_clock::now() + 10s),
                HasSubstr("exit status 2: no"));
    const ScriptCall hanging = call_of("echo $$ > $D/process; sleep 1000");
    EXPECT_THAT(network.run_script(hanging, steady_clock::now() + 500ms),
                HasSubstr("did not end in time"));
    EXPECT_TRUE(ends(process_in("process")));
}

TEST_F(ScriptTest, StopEndsThatVifsScriptAndNoOther) {
    std::map<std::uint16_t, pid_t> processes;
    for (std::uint16_t guest = 1; guest <= 3; ++guest) {
        network.start_script(
            call_of(fmt::format("echo $$ > $D/p{}; exec sleep 1000", guest), guest));
        processes[guest] = process_in(fmt::format("p{}", guest));
    }
    network.stop_script({DomainId(1), 2});
    EXPECT_TRUE(ends(processes[1]));
    EXPECT_EQ(kill(processes[2], 0), 0);
    EXPECT_EQ(kill(processes[3], 0), 0);
    network.stop_script({DomainId(3), 2});
    EXPECT_TRUE(ends(processes[3]));
    EXPECT_EQ(kill(processes[2], 0), 0);
    network.stop_script({DomainId(2), 2});
    EXPECT_TRUE(ends(processes[2]));
}

TEST_F(ScriptTest, PathIsTakenAsItIsIfItCanBeRun) {
    const std::string path = call_of("exit 0").path;
    EXPECT_EQ(find_script(path), path);
    EXPECT_THAT(failure_of([&] { static_cast<void>(find_script(path + "x")); }).problem,
                HasSubstr("no file that can be run"));
    EXPECT_THROW(static_cast<void>(find_script(folder.string())), Error) << "a folder";
    std::filesystem::permissions(path, std::filesystem::perms::owner_read);
    EXPECT_THROW(static_cast<void>(find_script(path)), Error) << "not executable";
}

TEST_F(ScriptTest, NameThatIsInNoFolderIsReportedWithTheFolders) {
    const Failure failure = failure_of([] { static_cast<void>(find_script("vif-nowhere")); });
    EXPECT_THAT(failure.problem, HasSubstr("'vif-nowhere'"));
    EXPECT_THAT(failure.problem, HasSubstr("/etc/xen/scripts"));
}

}  // namespace
}  // namespace xcl::test
