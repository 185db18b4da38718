// SPDX-License-Identifier: BSD-3-Clause
// Renders domains, tables and progress.
#include "output.hpp"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

#include "xcl/uuid.hpp"

namespace cosmos {

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

std::string_view state_word(const xcl::DomainInfo& domain) {
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
            {"unfinished", domain.unfinished}};
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

void print_json(const nlohmann::json& value) {
    // A name may hold any bytes; what is not UTF-8 is replaced.
    fmt::print("{}\n", value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

std::string summary(std::vector<xcl::DomainId> ids) {
    std::ranges::sort(ids);
    std::string text;
    for (std::size_t i = 0; i < ids.size();) {
        std::size_t last = i;
        while (last + 1 < ids.size() && ids[last + 1].value() == ids[last].value() + 1)
            ++last;
        if (!text.empty())
            text += ", ";
        text += fmt::format("{}", ids[i].value());
        if (last > i)
            text += fmt::format("-{}", ids[last].value());
        i = last + 1;
    }
    return text;
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
