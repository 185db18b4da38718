// SPDX-License-Identifier: BSD-3-Clause
// FakeMachine: a control domain's Linux as maps. Each call can be made to fail.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "fakes.hpp"
#include "faults.hpp"
#include "host/survey.hpp"
#include "ports/machine.hpp"

namespace xcl::test {

struct FakeProcess {
    pid_t pid = 0;
    std::uint64_t files = 1024;
    CpuList cpus{};

    friend bool operator==(const FakeProcess&, const FakeProcess&) = default;
};

class FakeMachine final : public Machine {
  public:
    // A machine as Debian leaves it: 4 vCPUs, C xenstored, no RAM disk, a few installed files.
    explicit FakeMachine(Faults& faults);

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

    std::map<std::string, std::string> files;
    std::set<std::string> directories;
    std::set<std::string> executables;
    std::map<std::string, FakeProcess> processes;
    std::optional<std::uint64_t> ramdisk;  // at /run/cosmos

  private:
    void begin(const std::string& name);
    FakeProcess& process(pid_t pid);

    Faults& faults_;
};

// A host of 8 CPUs, 4 of them dom0's, to check and prepare.
struct FakeXenHost : FakeHost {
    FakeXenHost() { hypervisor.domains[0].vcpus = 4; }

    [[nodiscard]] std::vector<HostItem> check(const HostDemand& demand) {
        return host::check(parts, demand);
    }
    // The item of that name; fails the test when there is none.
    [[nodiscard]] HostItem item(const std::string& name, const HostDemand& demand);
    // Prepares, and returns the names of what was changed.
    std::vector<std::string> prepare(const HostDemand& demand, bool dry_run = false);

    FakeMachine machine{faults};
    host::Host parts{machine, hypervisor, network};
    std::vector<HostItem> still_short;  // of the last prepare
};

}  // namespace xcl::test
