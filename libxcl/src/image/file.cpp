// SPDX-License-Identifier: BSD-3-Clause
// open, write, flush, rename: each may fail, and each failure names its call and the path.
#include "image/file.hpp"

#include <cerrno>
#include <cstdio>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/diagnostics.hpp"
#include "xcl/error.hpp"

namespace xcl::image {
namespace {

std::string directory_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos)
        return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

std::string partial_of(const std::string& path) {
    const std::size_t name = path.rfind('/') + 1;  // npos + 1 is 0
    return fmt::format("{}.{}.{}.partial", path.substr(0, name), path.substr(name), getpid());
}

std::string hint_for(std::string_view call, int error, const std::string& directory) {
    switch (error) {
        case ENOSPC:
        case EDQUOT:
            return fmt::format("make room on the file system of {}, or name a file elsewhere",
                               config::printable_origin(directory));
        case EEXIST:
            return call == "open" ? "another process writes it, or one that was killed left it: "
                                    "remove it in that case"
                                  : "";
        default:
            return {};
    }
}

[[noreturn]] void refuse(const std::string& path, std::string_view problem, std::string hint = {}) {
    throw Error({.problem = fmt::format("{}: {}", config::printable_origin(path), problem),
                 .hint = std::move(hint)});
}

void require_no_file(const std::string& path, Overwrite overwrite) {
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0)
        return;  // what else is wrong shows when it is made
    if (!S_ISREG(status.st_mode))
        refuse(path, "it is there, and no regular file");
    if (overwrite == Overwrite::no)
        refuse(path, "there is a file of this name already", "remove it, or choose another name");
}

}  // namespace

void ImageFile::fail(std::string_view call, std::string_view path, int error) const {
    throw Error({.doing = fmt::format("write the image {}", config::printable_origin(path_)),
                 .call = fmt::format("{} {}", call, config::printable_origin(path)),
                 .error = error,
                 .hint = hint_for(call, error, directory_)});
}

ImageFile::ImageFile(std::string path, Overwrite overwrite)
    : path_(std::move(path)), directory_(directory_of(path_)), overwrite_(overwrite) {
    if (path_.empty() || path_.back() == '/' || path_.find('\0') != std::string::npos)
        refuse(path_, "this is no name of a file");
    require_no_file(path_, overwrite_);
    const std::string partial = partial_of(path_);
    // The memory of a guest is its owner's affair.
    file_ = Descriptor(
        open(partial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file_.is_open())
        fail("open", partial, errno);
    partial_ = partial;
}

ImageFile::~ImageFile() {
    if (!partial_.empty())
        unlink(partial_.c_str());
}

void ImageFile::write(std::span<const Bytes> parts) {
    if (const int error = write_all(file_.get(), parts); error != 0)
        fail("writev", partial_, error);
}

// Not over a file that came meanwhile. Where the file system has no such rename (NFS), a second
// name does it, which is never given twice either.
void ImageFile::rename_new() {
    if (renameat2(AT_FDCWD, partial_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) == 0)
        return;
    if (errno != EINVAL && errno != ENOSYS)
        fail("renameat2", path_, errno);
    if (link(partial_.c_str(), path_.c_str()) != 0)
        fail("link", path_, errno);
    unlink(partial_.c_str());
}

void ImageFile::commit() {
    if (fdatasync(file_.get()) != 0)
        fail("fdatasync", partial_, errno);
    // Opened before there is a file that would have to go again.
    const Descriptor directory(open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory.is_open())
        fail("open", directory_, errno);
    if (overwrite_ == Overwrite::no)
        rename_new();
    else if (rename(partial_.c_str(), path_.c_str()) != 0)
        fail("rename", path_, errno);
    partial_.clear();
    // EINVAL: a file system whose directories need none.
    if (fsync(directory.get()) != 0 && errno != EINVAL)
        fail("fsync", directory_, errno);
}

MappedFile::MappedFile(const std::string& path) {
    const auto fail = [&path](std::string_view call, int error) {
        throw Error({.doing = fmt::format("read the image {}", config::printable_origin(path)),
                     .call = std::string(call),
                     .error = error});
    };
    // O_NONBLOCK: opening a FIFO must not wait for its writer.
    const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!file.is_open())
        fail("open", errno);
    struct stat status {};
    if (fstat(file.get(), &status) != 0)
        fail("fstat", errno);
    if (!S_ISREG(status.st_mode))
        refuse(path, S_ISDIR(status.st_mode) ? "it is a directory" : "it is not a regular file");
    if (status.st_size == 0)
        return;
    // A small file is mapped at once: a fault for each of its pages costs more than all of it.
    constexpr off_t small = off_t{64} << 20;
    const auto size = static_cast<std::size_t>(status.st_size);
    void* const start =
        mmap(nullptr, size, PROT_READ, MAP_PRIVATE | (status.st_size <= small ? MAP_POPULATE : 0),
             file.get(), 0);
    if (start == MAP_FAILED)
        fail("mmap", errno);
    bytes_ = {static_cast<const std::byte*>(start), size};
}

MappedFile::~MappedFile() {
    if (!bytes_.empty())
        munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace xcl::image
