// SPDX-License-Identifier: BSD-3-Clause
// Looks at the kernel's numbers and at the open-file limits of the daemons.
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "host/kernel_numbers.hpp"
#include "host/survey.hpp"

namespace xcl::host {
namespace {

std::optional<std::uint64_t> number_in(const std::optional<std::string>& text) {
    std::uint64_t value = 0;
    if (!text ||
        std::from_chars(text->data(), text->data() + text->size(), value).ec != std::errc{})
        return std::nullopt;
    return value;
}

Finding number_finding(Host& host, const KernelNumber& number, const HostDemand& demand) {
    const std::uint64_t need = number.needed(demand);
    const std::optional<std::uint64_t> have =
        number_in(host.machine.read_file(std::string(number.path)));
    Finding finding{.item = {.name = std::string(number.name),
                             .have = have ? fmt::format("{}", *have) : "none",
                             .need = fmt::format("{}", need),
                             .reason = std::string(number.reason)}};
    if (!have) {
        finding.item.reason = number.when_missing.empty()
                                  ? fmt::format("this kernel has no {}", number.path)
                                  : std::string(number.when_missing);
        return finding;
    }
    // netback takes 0 for "as many as CPUs".
    finding.item.enough =
        number.bound == Bound::at_least ? *have >= need : *have <= need && *have > 0;
    finding.set = [&host, &number, need] {
        host.machine.write_setting(std::string(number.path), fmt::format("{}", need));
    };
    return finding;
}

Finding limit_finding(Host& host, std::string_view daemon, std::optional<pid_t> pid,
                      std::uint64_t need, std::string_view reason) {
    Finding finding{.item = {.name = fmt::format("open files of {}", daemon),
                             .have = "not running",
                             .need = fmt::format("{}", need),
                             .reason = std::string(reason)}};
    if (!pid)
        return finding;
    const std::uint64_t have = host.machine.open_file_limit(*pid);
    finding.item.have = fmt::format("{}", have);
    finding.item.enough = have >= need;
    finding.set = [&host, process = *pid, need] {
        host.machine.set_open_file_limit(process, need);
    };
    return finding;
}

}  // namespace

std::optional<StoreDaemon> store_daemon(Machine& machine) {
    static constexpr std::array<std::string_view, 2> names{"oxenstored", "xenstored"};
    for (const std::string_view name : names)
        if (const std::optional<pid_t> pid = machine.find_process(name))
            return StoreDaemon{name, *pid};
    return std::nullopt;
}

void survey_kernel(Host& host, const HostDemand& demand, std::vector<Finding>& findings) {
    for (const KernelNumber& number : kernel_numbers())
        findings.push_back(number_finding(host, number, demand));
    const std::optional<StoreDaemon> store = store_daemon(host.machine);
    findings.push_back(limit_finding(
        host, store ? store->name : "the store daemon",
        store ? std::optional(store->pid) : std::nullopt, store_files(demand),
        "none a guest (13 to 15 with 0 and with 100); 2 of xl's process beside each guest that "
        "xl made"));
    findings.push_back(limit_finding(host, "xenconsoled", host.machine.find_process("xenconsoled"),
                                     console_files(demand),
                                     "4 a guest: terminal (2), event channel, log; 14 of its own"));
}

}  // namespace xcl::host
