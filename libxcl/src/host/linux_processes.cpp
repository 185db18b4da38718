// SPDX-License-Identifier: BSD-3-Clause
// Other processes: their pids, limits and CPUs.
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>

#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>

#include "host/directory.hpp"
#include "host/linux_machine.hpp"
#include "xcl/error.hpp"

namespace xcl::host {
namespace {

// The numbers that name entries of a directory in /proc.
std::vector<pid_t> numbers_in(const std::string& directory) {
    std::vector<pid_t> numbers;
    for (const std::string& name : entries_of(directory)) {
        pid_t number = 0;
        const auto [end, fault] = std::from_chars(name.data(), name.data() + name.size(), number);
        if (fault == std::errc{} && end == name.data() + name.size())
            numbers.push_back(number);
    }
    return numbers;
}

std::vector<pid_t> threads_of(pid_t process) {
    return numbers_in(fmt::format("/proc/{}/task", process));
}

// A set for as many CPUs as a GuestConfig may name.
class CpuSet {
  public:
    CpuSet() : set_(CPU_ALLOC(count)) { CPU_ZERO_S(bytes, set_.get()); }

    [[nodiscard]] cpu_set_t* get() const { return set_.get(); }
    static constexpr std::size_t count = GuestConfig::max_cpu + 1;
    static constexpr std::size_t bytes = CPU_ALLOC_SIZE(count);

  private:
    struct Free {
        void operator()(cpu_set_t* set) const { CPU_FREE(set); }
    };
    std::unique_ptr<cpu_set_t, Free> set_;
};

}  // namespace

std::optional<pid_t> LinuxMachine::find_process(std::string_view name) {
    for (const pid_t pid : numbers_in("/proc")) {
        std::optional<std::string> comm;
        try {
            comm = read_file(fmt::format("/proc/{}/comm", pid));
        } catch (const Error&) {
            continue;  // it ended just now (ESRCH)
        }
        if (comm == std::string(name) + '\n')
            return pid;
    }
    return std::nullopt;
}

std::uint64_t LinuxMachine::open_file_limit(pid_t process) {
    rlimit limit{};
    if (prlimit(process, RLIMIT_NOFILE, nullptr, &limit) != 0)
        throw_failed(fmt::format("ask for the open-file limit of process {}", process), "prlimit",
                     errno);
    return limit.rlim_cur;
}

void LinuxMachine::set_open_file_limit(pid_t process, std::uint64_t wanted) {
    const std::string doing = fmt::format("set the open-file limit of process {}", process);
    rlimit limit{};
    if (prlimit(process, RLIMIT_NOFILE, nullptr, &limit) != 0)
        throw_failed(doing, "prlimit", errno);
    limit.rlim_cur = wanted;
    limit.rlim_max = std::max<rlim_t>(limit.rlim_max, wanted);
    if (prlimit(process, RLIMIT_NOFILE, &limit, nullptr) != 0)
        throw_failed(doing, "prlimit", errno);
}

CpuList LinuxMachine::cpus_of(pid_t process) {
    const CpuSet any;
    for (const pid_t thread : threads_of(process)) {
        const CpuSet one;
        if (sched_getaffinity(thread, CpuSet::bytes, one.get()) != 0)
            throw_failed(fmt::format("ask for the CPUs of process {}", process),
                         "sched_getaffinity", errno);
        CPU_OR_S(CpuSet::bytes, any.get(), any.get(), one.get());
    }
    CpuList cpus;
    for (std::uint16_t cpu = 0; cpu < CpuSet::count; ++cpu)
        if (CPU_ISSET_S(cpu, CpuSet::bytes, any.get()))
            cpus.push_back(cpu);
    return cpus;
}

void LinuxMachine::set_cpus_of(pid_t process, const CpuList& cpus) {
    const CpuSet set;
    for (const std::uint16_t cpu : cpus)
        CPU_SET_S(cpu, CpuSet::bytes, set.get());
    for (const pid_t thread : threads_of(process))
        if (sched_setaffinity(thread, CpuSet::bytes, set.get()) != 0)
            throw_failed(fmt::format("set the CPUs of process {}", process), "sched_setaffinity",
                         errno);
}

}  // namespace xcl::host
