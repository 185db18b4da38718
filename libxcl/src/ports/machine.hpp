// SPDX-License-Identifier: BSD-3-Clause
// Machine: the seam to the control domain's own Linux, for what is set up once on a host.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "xcl/guest_config.hpp"

namespace xcl {

enum class FileKind { none, regular, directory, other };

// Every call throws Error naming the system call that failed and what it was done to.
class Machine {
  public:
    Machine() = default;
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;
    virtual ~Machine() = default;

    // The whole file, nothing when there is none.
    [[nodiscard]] virtual std::optional<std::string> read_file(const std::string& path) = 0;
    // Writes to an existing file of the kernel's, in one write.
    virtual void write_setting(const std::string& path, std::string_view text) = 0;
    // Makes the file whole beside its place and moves it there: nobody sees half of it.
    virtual void replace_file(const std::string& path, std::string_view content,
                              bool executable) = 0;
    // With those above it. One that exists is no error.
    virtual void make_directory(const std::string& path) = 0;
    // Follows symbolic links.
    [[nodiscard]] virtual FileKind kind_of(const std::string& path) = 0;
    // The names of regular files right in the directory, ascending; empty when there is none.
    [[nodiscard]] virtual std::vector<std::string> files_in(const std::string& directory) = 0;

    // How much a tmpfs mounted right there may hold, in bytes; nothing when none is.
    [[nodiscard]] virtual std::optional<std::uint64_t> ramdisk_bytes(const std::string& path) = 0;
    // Mounts one, or lets the one that is there hold so much.
    virtual void mount_ramdisk(const std::string& path, std::uint64_t bytes) = 0;

    // A running process by the name in its /proc/PID/comm.
    [[nodiscard]] virtual std::optional<pid_t> find_process(std::string_view name) = 0;
    // How many files it may open at once (the soft RLIMIT_NOFILE).
    [[nodiscard]] virtual std::uint64_t open_file_limit(pid_t process) = 0;
    virtual void set_open_file_limit(pid_t process, std::uint64_t limit) = 0;
    // The CPUs, as this Linux numbers them, that any of its threads may run on.
    [[nodiscard]] virtual CpuList cpus_of(pid_t process) = 0;
    virtual void set_cpus_of(pid_t process, const CpuList& cpus) = 0;
};

}  // namespace xcl
