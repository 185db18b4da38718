// SPDX-License-Identifier: BSD-3-Clause
// Files, directories and the RAM disk.
#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "core/descriptor.hpp"
#include "host/directory.hpp"
#include "host/linux_machine.hpp"
#include "xcl/error.hpp"

namespace xcl::host {
namespace {

void write_all(int fd, std::string_view content, const std::string& doing) {
    while (!content.empty()) {
        const ssize_t written = write(fd, content.data(), content.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            throw_failed(doing, "write", errno);
        content.remove_prefix(static_cast<std::size_t>(written));
    }
}

// A file that is removed again unless it got its name.
class TemporaryFile {
  public:
    TemporaryFile(std::string path, mode_t mode, const std::string& doing)
        : path_(std::move(path)),
          fd_(open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)) {
        if (!fd_.is_open())
            throw_failed(doing, "open", errno);
    }
    ~TemporaryFile() {
        if (!path_.empty())
            unlink(path_.c_str());
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    [[nodiscard]] int fd() const { return fd_.get(); }
    void rename_to(const std::string& name, const std::string& doing) {
        if (rename(path_.c_str(), name.c_str()) != 0)
            throw_failed(doing, "rename", errno);
        path_.clear();
    }

  private:
    std::string path_;
    Descriptor fd_;
};

}  // namespace

std::optional<std::string> LinuxMachine::read_file(const std::string& path) {
    const std::string doing = fmt::format("read {}", path);
    // A FIFO would keep us waiting for somebody to write.
    const Descriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd.is_open() && (errno == ENOENT || errno == ENOTDIR))
        return std::nullopt;
    if (!fd.is_open())
        throw_failed(doing, "open", errno);
    struct stat status {};
    if (fstat(fd.get(), &status) != 0)
        throw_failed(doing, "fstat", errno);
    // Files of the kernel's say they are empty.
    constexpr std::size_t step = 4096;
    std::string content(static_cast<std::size_t>(status.st_size) + step, '\0');
    std::size_t length = 0;
    for (;;) {
        const ssize_t got = read(fd.get(), content.data() + length, content.size() - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            throw_failed(doing, "read", errno);
        if (got == 0)
            break;
        length += static_cast<std::size_t>(got);
        if (length == content.size())
            content.resize(content.size() * 2);
    }
    content.resize(length);
    return content;
}

void LinuxMachine::write_setting(const std::string& path, std::string_view text) {
    const std::string doing = fmt::format("write {} to {}", text, path);
    const Descriptor fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd.is_open())
        throw_failed(doing, "open", errno);
    write_all(fd.get(), text, doing);
}

void LinuxMachine::replace_file(const std::string& path, std::string_view content,
                                bool executable) {
    const std::string doing = fmt::format("write {}", path);
    const std::size_t slash = path.rfind('/');
    TemporaryFile file(
        fmt::format("{}/.{}.{}", path.substr(0, slash), path.substr(slash + 1), getpid()),
        executable ? 0755 : 0644, doing);
    write_all(file.fd(), content, doing);
    file.rename_to(path, doing);
}

void LinuxMachine::make_directory(const std::string& path) {
    for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
        const std::string part = path.substr(0, end);
        if (mkdir(part.c_str(), 0755) != 0 && errno != EEXIST)
            throw_failed(fmt::format("make the directory {}", part), "mkdir", errno);
        if (end == std::string::npos)
            return;
    }
}

FileKind LinuxMachine::kind_of(const std::string& path) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            return FileKind::none;
        throw_failed(fmt::format("look at {}", path), "stat", errno);
    }
    if (S_ISREG(status.st_mode))
        return FileKind::regular;
    return S_ISDIR(status.st_mode) ? FileKind::directory : FileKind::other;
}

std::vector<std::string> LinuxMachine::files_in(const std::string& directory) {
    std::vector<std::string> names;
    for (std::string& name : entries_of(directory))
        if (kind_of(fmt::format("{}/{}", directory, name)) == FileKind::regular)
            names.push_back(std::move(name));
    return names;
}

std::optional<std::uint64_t> LinuxMachine::ramdisk_bytes(const std::string& path) {
    struct stat here {};
    struct stat above {};
    struct statfs system {};
    if (stat(path.c_str(), &here) != 0 || stat((path + "/..").c_str(), &above) != 0 ||
        statfs(path.c_str(), &system) != 0) {
        if (errno == ENOENT)
            return std::nullopt;
        throw_failed(fmt::format("look at {}", path), "statfs", errno);
    }
    // A directory of a tmpfs like /run is no RAM disk of its own.
    if (here.st_dev == above.st_dev || system.f_type != TMPFS_MAGIC)
        return std::nullopt;
    return static_cast<std::uint64_t>(system.f_blocks) * static_cast<std::uint64_t>(system.f_bsize);
}

void LinuxMachine::mount_ramdisk(const std::string& path, std::uint64_t bytes) {
    make_directory(path);
    const unsigned long again = ramdisk_bytes(path) ? MS_REMOUNT : 0;
    if (mount("cosmos", path.c_str(), "tmpfs", again | MS_NOSUID | MS_NODEV,
              fmt::format("mode=0755,size={}", bytes).c_str()) != 0)
        throw_failed(fmt::format("mount a RAM disk at {}", path), "mount", errno);
}

}  // namespace xcl::host
