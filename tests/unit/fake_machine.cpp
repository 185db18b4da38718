// SPDX-License-Identifier: BSD-3-Clause
// The calls of the Machine port on maps.
#include "fake_machine.hpp"

#include <cerrno>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "xcl/error.hpp"

namespace xcl::test {
namespace {

[[noreturn]] void refuse(const std::string& call, int error) {
    throw Error({.doing = "do what a test asks", .call = call, .error = error});
}

}  // namespace

FakeMachine::FakeMachine(Faults& faults) : faults_(faults) {
    files = {
        {"/proc/sys/fs/nr_open", "1048576\n"},
        {"/proc/sys/fs/file-max", "9223372036854775807\n"},
        {"/proc/sys/kernel/pty/max", "4096\n"},
        {"/proc/sys/kernel/pid_max", "32768\n"},
        {"/proc/sys/kernel/threads-max", "7026\n"},
        {"/sys/module/xen_netback/parameters/max_queues", "4\n"},
        {"/proc/sys/fs/inotify/max_user_instances", "128\n"},
        {"/proc/sys/fs/inotify/max_user_watches", "8192\n"},
        {"/proc/sys/net/ipv4/neigh/default/gc_thresh1", "128\n"},
        {"/proc/sys/net/ipv4/neigh/default/gc_thresh2", "512\n"},
        {"/proc/sys/net/ipv4/neigh/default/gc_thresh3", "1024\n"},
        {"/proc/sys/net/ipv4/ip_forward", "0\n"},
        {"/proc/meminfo", "MemTotal:  9000000 kB\nMemAvailable:    8000000 kB\n"},
        {"/usr/share/cosmos/guest.elf", "an image"},
        {"/usr/share/cosmos/clickos-configs/guest.cfg",
         "kernel = '/usr/share/cosmos/guest.elf'\nextra = '/usr/share/cosmos/guest.elf.gz'\n"},
        {"/usr/share/cosmos/hotplug/vif-cosmos", "#!/bin/sh\n"},
    };
    directories = {"/usr/share/cosmos", "/usr/share/cosmos/clickos-configs",
                   "/usr/share/cosmos/hotplug"};
    processes = {{"xenstored", {.pid = 125, .cpus = {0, 1, 2, 3}}},
                 {"xenconsoled", {.pid = 130, .cpus = {0, 1, 2, 3}}}};
}

void FakeMachine::begin(const std::string& name) {
    if (const int error = faults_.pass(name); error != 0)
        refuse(name, error);
}

FakeProcess& FakeMachine::process(pid_t pid) {
    for (auto& entry : processes)
        if (entry.second.pid == pid)
            return entry.second;
    refuse("process", ESRCH);
}

std::optional<std::string> FakeMachine::read_file(const std::string& path) {
    begin("read_file");
    const auto found = files.find(path);
    return found == files.end() ? std::nullopt : std::optional(found->second);
}

void FakeMachine::write_setting(const std::string& path, std::string_view text) {
    begin("write_setting");
    if (!files.contains(path))
        refuse("open", ENOENT);
    files[path] = std::string(text) + '\n';
}

void FakeMachine::replace_file(const std::string& path, std::string_view content, bool executable) {
    begin("replace_file");
    if (!directories.contains(path.substr(0, path.rfind('/'))))
        refuse("open", ENOENT);
    files[path] = content;
    if (executable)
        executables.insert(path);
}

void FakeMachine::make_directory(const std::string& path) {
    begin("make_directory");
    directories.insert(path);
}

FileKind FakeMachine::kind_of(const std::string& path) {
    begin("kind_of");
    if (files.contains(path))
        return FileKind::regular;
    if (path.starts_with("/dev/"))
        return FileKind::other;
    return directories.contains(path) ? FileKind::directory : FileKind::none;
}

std::vector<std::string> FakeMachine::files_in(const std::string& directory) {
    begin("files_in");
    std::vector<std::string> names;
    const std::string start = directory + '/';
    for (const auto& entry : files)
        if (entry.first.starts_with(start) &&
            entry.first.find('/', start.size()) == std::string::npos)
            names.push_back(entry.first.substr(start.size()));
    return names;
}

std::optional<std::uint64_t> FakeMachine::ramdisk_bytes(const std::string&) {
    begin("ramdisk_bytes");
    return ramdisk;
}

void FakeMachine::mount_ramdisk(const std::string& path, std::uint64_t bytes) {
    begin("mount_ramdisk");
    directories.insert(path);
    ramdisk = bytes;
}

std::optional<pid_t> FakeMachine::find_process(std::string_view name) {
    begin("find_process");
    const auto found = processes.find(std::string(name));
    return found == processes.end() ? std::nullopt : std::optional(found->second.pid);
}

std::uint64_t FakeMachine::open_file_limit(pid_t pid) {
    begin("open_file_limit");
    return process(pid).files;
}

void FakeMachine::set_open_file_limit(pid_t pid, std::uint64_t limit) {
    begin("set_open_file_limit");
    if (limit > std::stoull(files.at("/proc/sys/fs/nr_open")))
        refuse("prlimit", EPERM);  // as Linux does
    process(pid).files = limit;
}

CpuList FakeMachine::cpus_of(pid_t pid) {
    begin("cpus_of");
    return process(pid).cpus;
}

void FakeMachine::set_cpus_of(pid_t pid, const CpuList& cpus) {
    begin("set_cpus_of");
    process(pid).cpus = cpus;
}

HostItem FakeXenHost::item(const std::string& name, const HostDemand& demand) {
    for (HostItem& item : check(demand))
        if (item.name == name)
            return item;
    ADD_FAILURE() << "no item " << name;
    return {};
}

std::vector<std::string> FakeXenHost::prepare(const HostDemand& demand, bool dry_run) {
    std::vector<std::string> changed;
    still_short =
        host::prepare(parts, demand, {.dry_run = dry_run, .on_change = [&](const HostItem& item) {
                                          changed.push_back(item.name);
                                      }});
    return changed;
}

}  // namespace xcl::test
