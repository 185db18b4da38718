// SPDX-License-Identifier: BSD-3-Clause
// How cosmos shows things: words for states, tables for people, JSON for programs, progress.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "xcl/toolstack.hpp"

namespace cosmos {

// "poweroff", "crash", …; "unknown" for a number Xen has no name for.
[[nodiscard]] std::string_view word(xcl::ShutdownReason reason);

// Whether somebody has to settle which host has it; no longer while it is being destroyed.
[[nodiscard]] bool is_in_doubt(const xcl::DomainInfo& domain);

// "running", "blocked", "paused", "dying", or why it ended.
[[nodiscard]] std::string_view state_word(const xcl::DomainInfo& domain);

// "any", "3", "2-5,7".
[[nodiscard]] std::string cpus_text(const xcl::CpuList& cpus);

// All CPUs on which one vCPU or another may run; "-" if there is no vCPU.
[[nodiscard]] std::string cpus_text(const std::vector<xcl::CpuList>& by_vcpu);

// For each vCPU a list of CPU numbers, or null for any.
[[nodiscard]] nlohmann::json to_json(const std::vector<xcl::CpuList>& by_vcpu);

[[nodiscard]] nlohmann::json to_json(const xcl::DomainInfo& domain);

[[nodiscard]] nlohmann::json to_json(const xcl::VifInfo& vif);

[[nodiscard]] double seconds(std::chrono::nanoseconds duration);

// As one line prints it, without its newline. A name may hold any bytes; what is not UTF-8 is
// replaced.
[[nodiscard]] std::string json_line(const nlohmann::json& value);
// One line on stdout.
void print_json(const nlohmann::json& value);
// The same of what was done, unless nothing was and an error told why.
void print_results(const nlohmann::json& list, int status);

// Ids as few words as possible: "5-104, 107".
[[nodiscard]] std::string summary(std::vector<xcl::DomainId> ids);

// Columns as wide as their widest cell; `right` says which are aligned to the right.
void print_table(const std::vector<std::vector<std::string>>& rows, const std::vector<bool>& right);

// A bar on stderr while a batch is made, if that is a terminal.
class ProgressBar {
  public:
    explicit ProgressBar(unsigned total);
    ~ProgressBar();
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;

    void advance();

  private:
    unsigned total_;
    unsigned done_ = 0;
    unsigned shown_ = 0;  // columns drawn
    bool visible_;
};

}  // namespace cosmos
