// SPDX-License-Identifier: BSD-3-Clause
// Written under a name that is nobody else's, then linked to the final one, which replaces nothing.
#include "link/new_files.hpp"

#include <cerrno>
#include <cstdlib>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/descriptor.hpp"
#include "xcl/error.hpp"

namespace xcl::link {
namespace {

// Gone at the end, whatever happens.
class ScratchFile {
  public:
    ScratchFile(std::string path, const std::string& doing) : path_(std::move(path)) {
        descriptor_ = Descriptor(mkostemp(path_.data(), O_CLOEXEC));  // O_EXCL, mode 0600
        if (!descriptor_.is_open())
            throw Error({.doing = doing, .call = "mkostemp", .error = errno});
    }
    ScratchFile(const ScratchFile&) = delete;
    ScratchFile& operator=(const ScratchFile&) = delete;
    ~ScratchFile() { unlink(path_.c_str()); }

    [[nodiscard]] int get() const { return descriptor_.get(); }
    [[nodiscard]] const char* path() const { return path_.c_str(); }

  private:
    std::string path_;
    Descriptor descriptor_;
};

}  // namespace

NewFiles::~NewFiles() {
    for (const std::string& path : made_)
        unlink(path.c_str());
}

void NewFiles::add(const std::string& name, std::string_view content, mode_t mode) {
    std::string path = fmt::format("{}/{}", directory_, name);
    const std::string doing = fmt::format("write {}", path);
    const auto fail = [&](const char* call) {
        throw Error({.doing = doing, .call = call, .error = errno});
    };
    const ScratchFile file(fmt::format("{}/.{}.XXXXXX", directory_, name), doing);
    while (!content.empty()) {
        const ssize_t written = write(file.get(), content.data(), content.size());
        if (written >= 0)
            content.remove_prefix(static_cast<std::size_t>(written));
        else if (errno != EINTR)
            fail("write");
    }
    if (fchmod(file.get(), mode) != 0)
        fail("fchmod");
    if (fsync(file.get()) != 0)
        fail("fsync");
    made_.reserve(made_.size() + 1);
    if (::link(file.path(), path.c_str()) != 0)
        fail("link");
    made_.push_back(std::move(path));
}

void NewFiles::keep() {
    const Descriptor directory(open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory.is_open() || fsync(directory.get()) != 0)
        throw Error(
            {.doing = fmt::format("write {}", directory_), .call = "fsync", .error = errno});
    made_.clear();
}

}  // namespace xcl::link
