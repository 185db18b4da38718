// SPDX-License-Identifier: BSD-3-Clause
// Context: what every command is handed: the common options, and the host once it is asked for.
#pragma once

#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>

#include "xcl/toolstack.hpp"

namespace cosmos {

// Exit statuses, as the manual documents them.
enum class Status : int {
    done = 0,
    failed = 1,
    usage = 2,
    no_such_guest = 3,
    no_xen = 4,
    interrupted = 130,  // 128 + SIGINT, as shells report it
};

[[nodiscard]] constexpr int code(Status status) {
    return static_cast<int>(status);
}

struct CommonOptions {
    bool help = false;
    bool json = false;
    bool times = false;
    bool verbose = false;
};

// Wrong words on the command line, found after parsing.
class UsageError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

class Context {
  public:
    explicit Context(const CommonOptions& options) : options_(options) {
        if (options.times)
            start_ = std::chrono::steady_clock::now();
    }

    [[nodiscard]] bool json() const { return options_.json; }
    [[nodiscard]] bool verbose() const { return options_.verbose; }

    // Opened at the first call, so that commands which need no host work everywhere.
    xcl::Toolstack& toolstack();

    // With -t: where the time went, one line on stderr.
    void report_times() const;

  private:
    const CommonOptions& options_;
    std::chrono::steady_clock::time_point start_;
    std::optional<xcl::Toolstack> toolstack_;
};

// Prints the error and its hint on one line of stderr (with --json, as one object) and returns the
// exit status that belongs to it.
int report(const std::exception& error, bool json);

}  // namespace cosmos
