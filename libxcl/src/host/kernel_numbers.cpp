// SPDX-License-Identifier: BSD-3-Clause
// What each guest takes of the kernel's tables. Where a figure was measured, it was with Debian
// 12's Xen 4.17 and Linux 6.1: files at 0, 1, 50 and 100 guests, threads at 0, 1 and 40 vifs.
#include "host/kernel_numbers.hpp"

#include <algorithm>
#include <array>

#include "xcl/network.hpp"

namespace xcl::host {
namespace {

// What the rest of a control domain takes, generously: none of these limits costs anything until
// it is used.
constexpr std::uint64_t other_files = 8192;
constexpr std::uint64_t other_files_of_daemon = 256;  // 13 to 15 measured
constexpr std::uint64_t other_terminals = 1024;       // kernel.pty.reserve, kept for other mounts
constexpr std::uint64_t other_threads = 4096;
constexpr std::uint64_t other_watchers = 64;
constexpr std::uint64_t other_watches = 4096;
constexpr std::uint64_t other_neighbours = 256;

// netback: one that receives for the guest and one that frees; xl: a process beside each guest
// that it made itself.
constexpr std::uint64_t threads_of_guest = 3;

constexpr std::uint64_t console_files_of_guest = 4;  // measured; 3 without --log=guest
constexpr std::uint64_t store_files_of_guest = 2;    // of xl's process, measured; of a guest none

constexpr std::array table{
    KernelNumber{
        "fs.nr_open", "/proc/sys/fs/nr_open", Bound::at_least,
        [](const HostDemand& demand) { return console_files(demand); },
        "the most that the open-file limit of any process may be, xenconsoled's among them"},
    KernelNumber{"fs.file-max", "/proc/sys/fs/file-max", Bound::at_least,
                 [](const HostDemand& demand) {
                     return console_files(demand) + store_files(demand) + other_files;
                 },
                 "open files of all processes together"},
    KernelNumber{"kernel.pty.max", "/proc/sys/kernel/pty/max", Bound::at_least,
                 [](const HostDemand& demand) { return demand.guests + other_terminals; },
                 "one pseudo-terminal a console"},
    KernelNumber{
        "kernel.pid_max", "/proc/sys/kernel/pid_max", Bound::at_least,
        [](const HostDemand& demand) { return threads_of_guest * demand.guests + other_threads; },
        "2 kernel threads a queue of a vif (netback), 1 process a guest made by xl"},
    KernelNumber{
        "kernel.threads-max", "/proc/sys/kernel/threads-max", Bound::at_least,
        [](const HostDemand& demand) { return threads_of_guest * demand.guests + other_threads; },
        "the same threads and processes"},
    KernelNumber{"xen_netback.max_queues", "/sys/module/xen_netback/parameters/max_queues",
                 Bound::at_most, [](const HostDemand&) { return std::uint64_t{1}; },
                 "each queue of a vif costs 2 kernel threads; holds for vifs made from then on",
                 "xen-netback is not loaded: modprobe xen-netback"},
    KernelNumber{"fs.inotify.max_user_instances", "/proc/sys/fs/inotify/max_user_instances",
                 Bound::at_least,
                 [](const HostDemand& demand) { return demand.guests + other_watchers; },
                 "none of Xen's daemons takes one; 1 for each 'tail -f' of a guest's console log"},
    KernelNumber{"fs.inotify.max_user_watches", "/proc/sys/fs/inotify/max_user_watches",
                 Bound::at_least,
                 [](const HostDemand& demand) { return demand.guests + other_watches; },
                 "1 for each console log that somebody follows"},
    KernelNumber{"net.ipv4.neigh.default.gc_thresh1", "/proc/sys/net/ipv4/neigh/default/gc_thresh1",
                 Bound::at_least,
                 [](const HostDemand& demand) { return std::uint64_t{demand.guests}; },
                 "ARP: one neighbour a guest that dom0 talks to; up to here none is forgotten"},
    KernelNumber{"net.ipv4.neigh.default.gc_thresh2", "/proc/sys/net/ipv4/neigh/default/gc_thresh2",
                 Bound::at_least,
                 [](const HostDemand& demand) { return demand.guests + other_neighbours; },
                 "above this the kernel throws neighbours out after 5 s"},
    KernelNumber{"net.ipv4.neigh.default.gc_thresh3", "/proc/sys/net/ipv4/neigh/default/gc_thresh3",
                 Bound::at_least,
                 [](const HostDemand& demand) { return demand.guests + 2 * other_neighbours; },
                 "above this it refuses new ones: 'neighbour table overflow'"},
    KernelNumber{
        "net.ipv4.ip_forward", "/proc/sys/net/ipv4/ip_forward", Bound::at_least,
        [](const HostDemand& demand) { return std::uint64_t{demand.guests > max_switch_ports}; },
        "guests on different switches reach each other through the host"},
};

}  // namespace

std::uint64_t console_files(const HostDemand& demand) {
    return console_files_of_guest * demand.guests + other_files_of_daemon;
}

std::uint64_t store_files(const HostDemand& demand) {
    return store_files_of_guest * demand.guests + other_files_of_daemon;
}

std::span<const KernelNumber> kernel_numbers() {
    return table;
}

}  // namespace xcl::host
