// SPDX-License-Identifier: BSD-3-Clause
// Renders domains, tables and progress.
#include "output.hpp"

#include <algorithm>
#include <cstdio>
#include <span>

#include <fmt/format.h>
#include <unistd.h>

#include "context.hpp"
#include "xcl/uuid.hpp"

namespace cosmos {
namespace {

// Ascending numbers, those that follow one another as "FIRST-LAST".
std::string ranges_text(std::span<const std::uint16_t> numbers, std::string_view separator) {
    std::string text;
    for (std::size_t i = 0; i < numbers.size();) {
        std::size_t last = i;
        while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1)
            ++last;
        if (!text.empty())
            text += separator;
        text += fmt::format("{}", numbers[i]);
        if (last > i)
            text += fmt::format("-{}", numbers[last]);
        i = last + 1;
    }
    return text;
}

}  // namespace

std::string_view word(xcl::ShutdownReason reason) {
    switch (reason) {
        case xcl::ShutdownReason::poweroff:
            return "poweroff";
        case xcl::ShutdownReason::reboot:
            return "reboot";
        case xcl::ShutdownReason::suspend:
            return "suspend";
        case xcl::ShutdownReason::crash:
            return "crash";
        case xcl::ShutdownReason::watchdog:
            return "watchdog";
        case xcl::ShutdownReason::soft_reset:
            return "soft-reset";
    }
    return "unknown";
}

bool is_in_doubt(const xcl::DomainInfo& domain) {
    return domain.in_doubt && domain.state != xcl::DomainState::dying;
}

std::string_view state_word(const xcl::DomainInfo& domain) {
    if (is_in_doubt(domain))
        return "in-doubt";
    switch (domain.state) {
        case xcl::DomainState::running:
            return "running";
        case xcl::DomainState::blocked:
            return "blocked";
        case xcl::DomainState::paused:
            return "paused";
        case xcl::DomainState::dying:
            return "dying";
        case xcl::DomainState::shutdown:
            break;
    }
    return domain.reason ? word(*domain.reason) : "unknown";
}

std::string cpus_text(const xcl::CpuList& cpus) {
    return cpus.empty() ? "any" : ranges_text(cpus, ",");
}

std::string cpus_text(const std::vector<xcl::CpuList>& by_vcpu) {
    if (by_vcpu.empty())
        return "-";
    xcl::CpuList all;
    for (const xcl::CpuList& cpus : by_vcpu) {
        if (cpus.empty())
            return cpus_text(cpus);
        all.insert(all.end(), cpus.begin(), cpus.end());
    }
    std::ranges::sort(all);
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return cpus_text(all);
}

nlohmann::json to_json(const std::vector<xcl::CpuList>& by_vcpu) {
    nlohmann::json lists = nlohmann::json::array();
    for (const xcl::CpuList& cpus : by_vcpu)
        lists.push_back(cpus.empty() ? nlohmann::json(nullptr) : nlohmann::json(cpus));
    return lists;
}

nlohmann::json to_json(const xcl::DomainInfo& domain) {
    return {{"id", domain.id.value()},
            {"state", state_word(domain)},
            {"ended", domain.state == xcl::DomainState::shutdown},
            {"paravirtualised", domain.paravirtualised},
            {"vcpus", domain.vcpus},
            {"memory_kib", domain.memory_kib},
            {"max_memory_kib", domain.max_memory_kib},
            {"cpu_time_ns", domain.cpu_time.count()},
            {"uuid", xcl::uuid_text(domain.uuid)},
            {"ours", domain.ours},
            {"unfinished", domain.unfinished},
            {"in_doubt", domain.in_doubt}};
}

nlohmann::json to_json(const xcl::VifInfo& vif) {
    return {{"vif", vif.id.number},
            {"mac", vif.mac},
            {"ip", vif.ip},
            {"switch", vif.switch_name},
            {"interface", vif.interface},
            {"state", vif.state},
            {"script", vif.script},
            {"received_packets", vif.counters.received_packets},
            {"received_bytes", vif.counters.received_bytes},
            {"sent_packets", vif.counters.sent_packets},
            {"sent_bytes", vif.counters.sent_bytes},
            {"dropped_packets", vif.counters.dropped_packets}};
}

double seconds(std::chrono::nanoseconds duration) {
    return std::chrono::duration<double>(duration).count();
}

std::string json_line(const nlohmann::json& value) {
    return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void print_json(const nlohmann::json& value) {
    fmt::print("{}\n", json_line(value));
}

void print_results(const nlohmann::json& list, int status) {
    if (!list.empty() || status == code(Status::done))
        print_json(list);
}

std::string summary(std::vector<xcl::DomainId> ids) {
    std::ranges::sort(ids);
    std::vector<std::uint16_t> numbers;
    numbers.reserve(ids.size());
    for (const xcl::DomainId id : ids)
        numbers.push_back(id.value());
    return ranges_text(numbers, ", ");
}

void print_table(const std::vector<std::vector<std::string>>& rows,
                 const std::vector<bool>& right) {
    std::vector<std::size_t> widths(right.size());
    for (const auto& row : rows)
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], row[i].size());
    std::string text;
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            const bool last = i + 1 == row.size();
            if (right[i])
                text += fmt::format("{:>{}}", row[i], widths[i]);
            else
                text += fmt::format("{:<{}}", row[i], last ? 0 : widths[i]);
            text += last ? "\n" : "  ";
        }
    }
    fmt::print("{}", text);
}

ProgressBar::ProgressBar(unsigned total)
    : total_(total), visible_(total > 1 && isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() {
    if (visible_)
        fmt::print(stderr, "\r\033[K");  // the result takes its line
}

void ProgressBar::advance() {
    ++done_;
    if (!visible_)
        return;
    constexpr unsigned columns = 40;
    const unsigned filled = static_cast<unsigned>(std::uint64_t{done_} * columns / total_);
    // Redrawn when the bar grows, so that watching costs the guests nothing.
    if (filled == shown_ && done_ != 1)
        return;
    shown_ = filled;
    fmt::print(stderr, "\r[{}{}] {}/{} guests", std::string(filled, '#'),
               std::string(columns - filled, '.'), done_, total_);
}

}  // namespace cosmos
