// SPDX-License-Identifier: BSD-3-Clause
// LinuxMachine on the Linux that runs the tests: files, and this process itself.
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failure_of.hpp"
#include "host/linux_machine.hpp"

namespace xcl::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct LinuxMachineTest : ::testing::Test {
    LinuxMachineTest() {
        std::string pattern = (std::filesystem::temp_directory_path() / "machine.XXXXXX").string();
        folder = mkdtemp(pattern.data());
    }
    ~LinuxMachineTest() override { std::filesystem::remove_all(folder); }
    LinuxMachineTest(const LinuxMachineTest&) = delete;
    LinuxMachineTest& operator=(const LinuxMachineTest&) = delete;

    [[nodiscard]] std::string path(const std::string& name) const { return folder + '/' + name; }

    std::string folder;
    host::LinuxMachine machine;
};

TEST_F(LinuxMachineTest, ReplacesFilesWholeAndLeavesNoOther) {
    machine.replace_file(path("a"), "one", false);
    machine.replace_file(path("a"), "two", true);
    EXPECT_EQ(machine.read_file(path("a")), "two");
    EXPECT_EQ(access(path("a").c_str(), X_OK), 0);
    EXPECT_THAT(machine.files_in(folder), ElementsAre("a"));
}

TEST_F(LinuxMachineTest, AFileThatCannotBeReplacedLeavesNothing) {
    std::filesystem::create_directory(path("a"));
    EXPECT_EQ(failure_of([&] { machine.replace_file(path("a"), "one", false); }).call, "rename");
    EXPECT_THAT(machine.files_in(folder), IsEmpty());
}

TEST_F(LinuxMachineTest, ReadsLargeFilesAndThoseThatSayTheyAreEmpty) {
    const std::string large(100'000, 'x');
    machine.replace_file(path("large"), large, false);
    EXPECT_EQ(machine.read_file(path("large")), large);
    EXPECT_TRUE(machine.read_file("/proc/self/status").value().starts_with("Name:"));
    EXPECT_EQ(machine.read_file(path("none")), std::nullopt);
    EXPECT_EQ(failure_of([&] { static_cast<void>(machine.read_file(folder)); }).error, EISDIR);
}

TEST_F(LinuxMachineTest, SettingsAreWrittenToExistingFilesOnly) {
    EXPECT_EQ(failure_of([&] { machine.write_setting(path("none"), "1"); }).error, ENOENT);
    machine.replace_file(path("setting"), "0", false);
    machine.write_setting(path("setting"), "1");
    EXPECT_EQ(machine.read_file(path("setting")), "1");
}

TEST_F(LinuxMachineTest, MakesDirectoriesWithThoseAboveAndTwice) {
    machine.make_directory(path("a/b/c"));
    machine.make_directory(path("a/b/c"));
    EXPECT_EQ(machine.kind_of(path("a/b/c")), FileKind::directory);
    machine.replace_file(path("file"), "", false);
    EXPECT_EQ(failure_of([&] { machine.make_directory(path("file/b")); }).error, ENOTDIR);
}

TEST_F(LinuxMachineTest, TellsKindsOfFilesApart) {
    machine.replace_file(path("file"), "", false);
    ASSERT_EQ(mkfifo(path("fifo").c_str(), 0600), 0);
    std::filesystem::create_symlink("nowhere", path("link"));
    EXPECT_EQ(machine.kind_of(path("file")), FileKind::regular);
    EXPECT_EQ(machine.kind_of(path("fifo")), FileKind::other);
    EXPECT_EQ(machine.kind_of(path("link")), FileKind::none);
    EXPECT_EQ(machine.kind_of(path("file/below")), FileKind::none);
    EXPECT_THAT(machine.files_in(folder), ElementsAre("file"));
    EXPECT_THAT(machine.files_in(path("none")), IsEmpty());
}

TEST_F(LinuxMachineTest, ADirectoryIsNoRamDisk) {
    EXPECT_EQ(machine.ramdisk_bytes(folder), std::nullopt);
    EXPECT_EQ(machine.ramdisk_bytes(path("none")), std::nullopt);
}

TEST_F(LinuxMachineTest, FindsProcessesByTheirName) {
    std::string name = machine.read_file("/proc/self/comm").value();
    name.pop_back();
    const std::optional<pid_t> found = machine.find_process(name);
    ASSERT_TRUE(found);  // this process, or another of the same name
    EXPECT_EQ(machine.read_file(fmt::format("/proc/{}/comm", *found)), name + '\n');
    EXPECT_EQ(machine.find_process("no such name"), std::nullopt);
}

TEST_F(LinuxMachineTest, SetsTheOpenFileLimitOfAProcess) {
    const std::uint64_t before = machine.open_file_limit(getpid());
    machine.set_open_file_limit(getpid(), before - 1);
    EXPECT_EQ(machine.open_file_limit(getpid()), before - 1);
    machine.set_open_file_limit(getpid(), before);
    EXPECT_EQ(failure_of([&] { machine.set_open_file_limit(getpid(), UINT64_MAX - 1); }).error,
              EPERM);  // above fs.nr_open, or above what this user may
}

TEST_F(LinuxMachineTest, SetsTheCpusOfAllThreads) {
    const CpuList before = machine.cpus_of(getpid());
    ASSERT_FALSE(before.empty());
    const CpuList one{before.back()};
    std::thread([&] {
        machine.set_cpus_of(getpid(), one);
        EXPECT_EQ(machine.cpus_of(getpid()), one);
        machine.set_cpus_of(getpid(), before);
    }).join();
    EXPECT_EQ(machine.cpus_of(getpid()), before);
    EXPECT_EQ(failure_of([&] { machine.set_cpus_of(getpid(), {4094}); }).error, EINVAL);
}

}  // namespace
}  // namespace xcl::test
