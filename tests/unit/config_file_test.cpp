// SPDX-License-Identifier: BSD-3-Clause
// read_config: which files it takes, and what it calls a guest without a name.
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_parsing.hpp"

namespace xcl {
namespace {

namespace fs = std::filesystem;

class ConfigFile : public testing::Test {
  protected:
    ConfigFile() {
        std::string pattern = (fs::temp_directory_path() / "config_file_test.XXXXXX").string();
        EXPECT_NE(mkdtemp(pattern.data()), nullptr);
        directory_ = pattern;
    }
    ~ConfigFile() override { fs::remove_all(directory_); }
    ConfigFile(const ConfigFile&) = delete;
    ConfigFile(ConfigFile&&) = delete;
    ConfigFile& operator=(const ConfigFile&) = delete;
    ConfigFile& operator=(ConfigFile&&) = delete;

    [[nodiscard]] std::string path(const std::string& name) const {
        return (directory_ / name).string();
    }

    [[nodiscard]] std::string write(const std::string& name, std::string_view text) const {
        std::ofstream(path(name), std::ios::binary) << text;
        return path(name);
    }

    static Failure failure_of_file(const std::string& path, const Overrides& overrides = {}) {
        try {
            static_cast<void>(read_config(path, overrides));
        } catch (const Error& error) {
            return error.failure();
        }
        ADD_FAILURE() << "accepted: " << path;
        return {};
    }

  private:
    fs::path directory_;
};

TEST_F(ConfigFile, IsReadAndNamesItselfInErrors) {
    EXPECT_EQ(read_config(write("g.cfg", enough)).config.memory_mib, 8U);
    EXPECT_EQ(read_config(path("g.cfg"), {"memory=9"}).config.memory_mib, 9U);
    const std::string wrong = write("wrong.cfg", "memory = x");
    const auto failure = failure_of_file(wrong);
    EXPECT_EQ(failure.kind, ErrorKind::bad_config);
    EXPECT_EQ(failure.problem, wrong + ":1:10: expected a number of MiB, found 'x'");
}

TEST_F(ConfigFile, NamesTheGuestUnlessItsTextDoes) {
    EXPECT_EQ(read_config(write("guest.cfg", enough)).config.name, "guest");
    EXPECT_EQ(read_config(write("guest", enough)).config.name, "guest");
    EXPECT_EQ(read_config(write("guest.v2.conf", enough)).config.name, "guest.v2.conf");
    EXPECT_EQ(read_config(write("a.cfg", with_enough("name = 'b'"))).config.name, "b");
    EXPECT_EQ(read_config(path("guest.cfg"), {"name=c"}).config.name, "c");
}

TEST_F(ConfigFile, AsksForANameWhereItsOwnIsNone) {
    const auto unnamed = failure_of_file(write(".cfg", enough));
    EXPECT_EQ(unnamed.problem,
              path(".cfg") + ": no 'name' is given, and the file's own is no name");
    EXPECT_EQ(unnamed.hint, "add name = \"NAME\"");
    EXPECT_THAT(
        failure_of_file(write("a\x1b[2J.cfg", enough)).problem,
        testing::EndsWith("a\\x1b[2J.cfg: no 'name' is given, and the file's own is no name "
                          "of UTF-8 text without control characters"));
    EXPECT_EQ(read_config(path(".cfg"), {"name=c"}).config.name, "c");
}

TEST_F(ConfigFile, MayBeMissing) {
    try {
        static_cast<void>(read_config(path("none.cfg")));
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::failed);
        EXPECT_EQ(error.failure().error, ENOENT);
        EXPECT_EQ(error.what(), "cannot read the guest config " + path("none.cfg") +
                                    ": open: No such file or directory");
    }
}

TEST_F(ConfigFile, IsRefusedUnreadIfItIsTooLong) {
    const std::string huge = write("huge.cfg", "");
    fs::resize_file(huge, std::uintmax_t{10} * 1024 * 1024);
    EXPECT_EQ(failure_of_file(huge).problem,
              huge + ": 10485760 bytes are too many for a guest config, it has at most 65536");
    fs::resize_file(huge, max_config_bytes + 1);
    EXPECT_EQ(failure_of_file(huge).problem,
              huge + ": 65537 bytes are too many for a guest config, it has at most 65536");
    const std::string longest =
        write("longest.cfg", with_enough(std::string(max_config_bytes - enough.size(), '\n')));
    EXPECT_EQ(read_config(longest).config.memory_mib, 8U);
}

TEST_F(ConfigFile, IsNeitherADirectoryNorAFifoNorADevice) {
    EXPECT_EQ(failure_of_file(path("")).problem,
              path("") + ": expected a guest config, found a directory");
    const std::string fifo = path("fifo");
    ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
    EXPECT_EQ(failure_of_file(fifo).problem,
              fifo + ": expected a guest config, found no regular file");
    EXPECT_EQ(failure_of_file("/dev/zero").problem,
              "/dev/zero: expected a guest config, found no regular file");
    EXPECT_EQ(failure_of_file("/dev/zero").kind, ErrorKind::bad_config);
}

TEST_F(ConfigFile, MayHideItsSize) {
    // Files of /proc say that they have no bytes.
    EXPECT_THAT(failure_of_file("/proc/self/status").problem,
                testing::StartsWith("/proc/self/status:1:"));
}

}  // namespace
}  // namespace xcl
