// SPDX-License-Identifier: BSD-3-Clause
// LinuxMachine: the Machine port on the Linux that this process runs on.
#pragma once

#include "ports/machine.hpp"

namespace xcl::host {

class LinuxMachine final : public Machine {
  public:
    std::optional<std::string> read_file(const std::string& path) override;
    void write_setting(const std::string& path, std::string_view text) override;
    void replace_file(const std::string& path, std::string_view content, bool executable) override;
    void make_directory(const std::string& path) override;
    FileKind kind_of(const std::string& path) override;
    std::vector<std::string> files_in(const std::string& directory) override;
    std::optional<std::uint64_t> ramdisk_bytes(const std::string& path) override;
    void mount_ramdisk(const std::string& path, std::uint64_t bytes) override;
    std::optional<pid_t> find_process(std::string_view name) override;
    std::uint64_t open_file_limit(pid_t process) override;
    void set_open_file_limit(pid_t process, std::uint64_t limit) override;
    CpuList cpus_of(pid_t process) override;
    void set_cpus_of(pid_t process, const CpuList& cpus) override;
};

}  // namespace xcl::host
