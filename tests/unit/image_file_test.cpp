// SPDX-License-Identifier: BSD-3-Clause
// Image files: a name stands for a whole image or for what it stood for before.
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "failure_of.hpp"
#include "image/file.hpp"
#include "image_samples.hpp"
#include "xcl/error.hpp"
#include "xcl/image.hpp"

namespace xcl::image {
namespace {

namespace fs = std::filesystem;
using test::ByteVector;
using test::failure_of;
using test::sample_guest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ImageFiles : public testing::Test {
  protected:
    ImageFiles() {
        std::string name = (fs::temp_directory_path() / "xcl-image-XXXXXX").string();
        directory = mkdtemp(name.data());
        path = directory + "/web.img";
    }
    ~ImageFiles() override { fs::remove_all(directory); }

    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> all;
        for (const auto& entry : fs::directory_iterator(directory))
            all.push_back(entry.path().filename());
        return all;
    }

    static std::string text_of(const std::string& file) {
        std::ifstream stream(file, std::ios::binary);
        return {std::istreambuf_iterator<char>(stream), {}};
    }

    static void put(const std::string& file, std::string_view text) {
        std::ofstream(file, std::ios::binary) << text;
    }

    static void write(ImageFile& file, std::string_view text) {
        const Bytes part = std::as_bytes(std::span(text));
        file.write({&part, 1});
    }

    std::string directory;
    std::string path;
};

TEST_F(ImageFiles, HasItsNameOnceItIsWhole) {
    ImageFile file(path);
    test::write_guest(sample_guest(), file);
    EXPECT_THAT(names(), ElementsAre(fmt::format(".web.img.{}.partial", getpid())));
    file.commit();
    EXPECT_THAT(names(), ElementsAre("web.img"));
    const MappedFile mapped(path);
    EXPECT_EQ(read_whole(mapped.bytes(), path).state, sample_guest().state);
    struct stat status {};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600U);
}

TEST_F(ImageFiles, DisappearsWithoutACommit) {
    {
        ImageFile file(path);
        write(file, "half");
    }
    EXPECT_THAT(names(), IsEmpty());
}

TEST_F(ImageFiles, KilledProcessLeavesThePartialFileOnly) {
    const pid_t child = fork();
    if (child == 0) {
        ImageFile file(path);
        write(file, "half");
        kill(getpid(), SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    EXPECT_THAT(names(), ElementsAre(fmt::format(".web.img.{}.partial", child)));
}

TEST_F(ImageFiles, KeepsAFileThatIsThere) {
    put(path, "old");
    const Failure failure = failure_of([this] { const ImageFile file(path); });
    EXPECT_EQ(failure.problem, path + ": there is a file of this name already");
    EXPECT_FALSE(failure.hint.empty());
    EXPECT_EQ(text_of(path), "old");
    EXPECT_THAT(names(), ElementsAre("web.img"));
}

TEST_F(ImageFiles, KeepsAFileThatCameMeanwhile) {
    {
        ImageFile file(path);
        write(file, "new");
        put(path, "other");
        const Failure failure = failure_of([&file] { file.commit(); });
        EXPECT_EQ(failure.call, "renameat2 " + path);
        EXPECT_EQ(failure.error, EEXIST);
    }
    EXPECT_EQ(text_of(path), "other");
    EXPECT_THAT(names(), ElementsAre("web.img"));
}

TEST_F(ImageFiles, ReplacesAFileWhenToldAndWhole) {
    put(path, "old");
    {
        ImageFile file(path, Overwrite::yes);
        write(file, "half");
    }
    EXPECT_EQ(text_of(path), "old");
    ImageFile file(path, Overwrite::yes);
    write(file, "new");
    EXPECT_EQ(text_of(path), "old");
    file.commit();
    EXPECT_EQ(text_of(path), "new");
    EXPECT_THAT(names(), ElementsAre("web.img"));
}

TEST_F(ImageFiles, ReplacesNothingButFiles) {
    ASSERT_EQ(symlink("elsewhere", path.c_str()), 0);
    for (const std::string& name : {path, directory, std::string("/dev/null")})
        EXPECT_THAT(failure_of([&name] { const ImageFile file(name, Overwrite::yes); }).problem,
                    HasSubstr("no regular file"))
            << name;
    for (const std::string& name : {std::string(), directory + "/", std::string("a\0b", 3)})
        EXPECT_THAT(failure_of([&name] { const ImageFile file(name); }).problem,
                    HasSubstr("no name of a file"));
}

TEST_F(ImageFiles, LeavesAPartialFileOfOthersAlone) {
    const std::string partial = fmt::format("{}/.web.img.{}.partial", directory, getpid());
    put(partial, "theirs");
    const Failure failure = failure_of([this] { const ImageFile file(path); });
    EXPECT_EQ(failure.error, EEXIST);
    EXPECT_FALSE(failure.hint.empty());
    EXPECT_EQ(text_of(partial), "theirs");
}

TEST_F(ImageFiles, ErrorsNameCallAndPath) {
    const std::string name = directory + "/none/web.img";
    const Failure failure = failure_of([&name] { const ImageFile file(name); });
    EXPECT_EQ(failure.doing, "write the image " + name);
    EXPECT_EQ(failure.call, fmt::format("open {}/none/.web.img.{}.partial", directory, getpid()));
    EXPECT_EQ(failure.error, ENOENT);
}

// A limit on the size of files is the full disk that any user can have.
TEST_F(ImageFiles, FullDiskAtAnyPointLeavesNothing) {
    const std::size_t size = test::image_of(sample_guest()).size();
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
    for (std::size_t limit = 0; limit < size; limit += 997) {
        {
            ImageFile file(path);
            const rlimit full{.rlim_cur = limit, .rlim_max = before.rlim_max};
            ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &full), 0);
            const Failure failure =
                failure_of([&file] { test::write_guest(sample_guest(), file); });
            ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
            EXPECT_EQ(failure.error, EFBIG);
            EXPECT_THAT(failure.call, HasSubstr("writev " + directory));
        }
        EXPECT_THAT(names(), IsEmpty());
    }
    std::signal(SIGXFSZ, handler);
}

TEST_F(ImageFiles, InfoTellsWhatIsInIt) {
    for (const MemoryForm form : {MemoryForm::pages, MemoryForm::rounds}) {
        ImageFile file(path, Overwrite::yes);
        test::write_guest(sample_guest(), file, form);
        file.commit();
        const ImageInfo info = read_image_info(path);
        EXPECT_EQ(info.version, 1U);
        EXPECT_EQ(info.name, "web");
        EXPECT_EQ(info.memory_kib, 48U);
        EXPECT_EQ(info.pages, 12U);
        EXPECT_EQ(info.zero_pages, 8U);
        EXPECT_EQ(info.bytes, fs::file_size(path));
        EXPECT_EQ(info.vcpus, 2U);
        EXPECT_EQ(info.vifs, sample_guest().description.config.vifs);
        EXPECT_EQ(info.store_entries, 3U);
    }
}

TEST_F(ImageFiles, InfoRefusesWhatIsNoImage) {
    EXPECT_EQ(failure_of([this] { static_cast<void>(read_image_info(path)); }).error, ENOENT);
    EXPECT_THAT(failure_of([this] { static_cast<void>(read_image_info(directory)); }).problem,
                HasSubstr("it is a directory"));
    put(path, "");
    EXPECT_THAT(failure_of([this] { static_cast<void>(read_image_info(path)); }).problem,
                HasSubstr("truncated: it ends at byte 0"));
    ASSERT_EQ(unlink(path.c_str()), 0);
    ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
    EXPECT_THAT(failure_of([this] { static_cast<void>(read_image_info(path)); }).problem,
                HasSubstr("not a regular file"));
}

}  // namespace
}  // namespace xcl::image
