// SPDX-License-Identifier: BSD-3-Clause
// Looks at what the machine and Xen give: memory, event channels, the store daemon, the switches.
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "host/survey.hpp"

namespace xcl::host {
namespace {

constexpr std::uint64_t kib_per_mib = 1024;
constexpr std::uint64_t pages_per_mib = kib_per_mib / 4;

// What Xen takes for a domain beside its memory: measured, 0.1 MiB.
constexpr std::uint64_t xen_kib_of_guest = 102;
// What dom0 takes for a guest with console and vif, measured with 1, 20 and 40 guests: 237 KiB with
// C xenstored (45 without the vif), 15 more with oxenstored.
constexpr std::uint64_t dom0_kib_of_guest = 256;

// FIFO event channels of one domain (EVTCHN_FIFO_NR_CHANNELS, xen/event_channel.h).
constexpr std::uint64_t event_channels = std::uint64_t{1} << 17;
constexpr std::uint64_t event_channels_of_guest = 4;  // store, console, and two of a vif
constexpr std::uint64_t other_event_channels = 256;

// Up to so many guests both daemons do; beyond, C xenstored walks all its connections for each
// request. The figures in the reason were measured in emulation, one instruction a nanosecond.
constexpr unsigned guests_for_c = 300;

// The guests that are still to come, of those demanded.
std::uint64_t guests_to_come(Hypervisor& hypervisor, const HostDemand& demand) {
    const std::uint64_t running = hypervisor.list().size() - 1;  // without dom0
    return demand.guests - std::min<std::uint64_t>(demand.guests, running);
}

HostItem xen_memory(Hypervisor& hypervisor, const HostDemand& demand, std::uint64_t to_come) {
    const std::uint64_t have = hypervisor.host_info().free_pages / pages_per_mib;
    const std::uint64_t need_kib = to_come * (demand.memory_mib * kib_per_mib + xen_kib_of_guest);
    const std::uint64_t need = (need_kib + kib_per_mib - 1) / kib_per_mib;
    return {.name = "free Xen memory",
            .have = fmt::format("{} MiB", have),
            .need = fmt::format("{} MiB", need),
            .reason = fmt::format("{} MiB and 0.1 MiB of Xen's own for each of {} guests to come",
                                  demand.memory_mib, to_come),
            .enough = have >= need};
}

// "MemAvailable:  860120 kB" of /proc/meminfo, in MiB.
std::uint64_t available_mib(Machine& machine) {
    const std::string text = machine.read_file("/proc/meminfo").value_or("");
    constexpr std::string_view key = "MemAvailable:";
    std::size_t at = text.find(key);
    if (at == std::string::npos)
        return 0;
    at = text.find_first_not_of(' ', at + key.size());
    std::uint64_t kib = 0;
    if (at != std::string::npos)
        std::from_chars(text.data() + at, text.data() + text.size(), kib);
    return kib / kib_per_mib;
}

HostItem dom0_memory(Machine& machine, std::uint64_t to_come) {
    const std::uint64_t have = available_mib(machine);
    const std::uint64_t need = (to_come * dom0_kib_of_guest + kib_per_mib - 1) / kib_per_mib;
    return {.name = "free memory of dom0",
            .have = fmt::format("{} MiB", have),
            .need = fmt::format("{} MiB", need),
            .reason = fmt::format("{} KiB a guest with console and vif", dom0_kib_of_guest),
            .enough = have >= need};
}

HostItem channels(const HostDemand& demand) {
    const std::uint64_t need = event_channels_of_guest * demand.guests + other_event_channels;
    return {.name = "event channels of dom0",
            .have = fmt::format("{}", event_channels),
            .need = fmt::format("{}", need),
            .reason = "store, console and 2 of a vif, for each guest; Xen's limit of one domain",
            .enough = event_channels >= need};
}

HostItem store_choice(Machine& machine, const HostDemand& demand) {
    const std::optional<StoreDaemon> store = store_daemon(machine);
    const bool many = demand.guests > guests_for_c;
    return {.name = "store daemon",
            .have = store ? std::string(store->name) : "none",
            .need = many ? "oxenstored" : "either",
            .reason = many ? "ms a create at 300 / 1,000 guests, cosmos: C 1.2 / 2.7, ox 1.2 / "
                             "2.0; xl's manner: C 45 / 151, ox 5.8 / 12; set XENSTORED in "
                             "/etc/default/xen and reboot"
                           : "up to 300 guests C xenstored is as fast: at 1 / 300 guests C 0.5 / "
                             "1.2 ms a create, ox 0.9 / 1.2",
            .enough = store && (!many || store->name == "oxenstored")};
}

// Makes switches until there are so many, under names that none of them has.
void make_switches(Network& network, std::size_t count) {
    std::vector<Switch> switches = network.switches();
    for (unsigned number = 0; switches.size() < count; ++number) {
        const std::string name = fmt::format("cosmos-sw{}", number);
        if (std::ranges::find(switches, name, &Switch::name) != switches.end())
            continue;
        network.add_switch({.name = name, .address = {}, .uplink = {}});
        switches.push_back({.name = name});
    }
}

Finding switch_finding(Host& host, const HostDemand& demand) {
    const std::size_t have = host.network.switches().size();
    const std::size_t need = (demand.guests + max_switch_ports - 1) / max_switch_ports;
    Finding finding{.item = {.name = "switches",
                             .have = fmt::format("{}", have),
                             .need = fmt::format("{}", need),
                             .reason = fmt::format("a Linux bridge has {} ports", max_switch_ports),
                             .enough = have >= need}};
    finding.set = [&host, need] { make_switches(host.network, need); };
    return finding;
}

}  // namespace

void survey_capacity(Host& host, const HostDemand& demand, std::vector<Finding>& findings) {
    const std::uint64_t to_come = guests_to_come(host.hypervisor, demand);
    findings.push_back({store_choice(host.machine, demand)});
    findings.push_back({xen_memory(host.hypervisor, demand, to_come)});
    findings.push_back({dom0_memory(host.machine, to_come)});
    findings.push_back({channels(demand)});
    findings.push_back(switch_finding(host, demand));
}

}  // namespace xcl::host
