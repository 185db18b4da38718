// SPDX-License-Identifier: BSD-3-Clause
// Script: a hotplug script that runs, in the environment that Xen's own scripts get.
#pragma once

#include <string>

#include <sys/types.h>

#include "core/descriptor.hpp"
#include "ports/network.hpp"

namespace xcl::net {

class Script {
  public:
    // Starts it. Throws Error when it cannot be started.
    explicit Script(const ScriptCall& call);
    Script(Script&&) noexcept = default;
    // Kills the script that it was.
    Script& operator=(Script&& other) noexcept;
    Script(const Script&) = delete;
    Script& operator=(const Script&) = delete;
    // Kills it, and all that it started, if it still runs.
    ~Script();

    [[nodiscard]] const VifId& vif() const { return vif_; }
    // Becomes readable when it has ended.
    [[nodiscard]] int descriptor() const { return process_.get(); }

    // After its end: what went wrong, empty if nothing did.
    [[nodiscard]] std::string problem();
    // Kills it and returns once it is gone.
    void kill() noexcept;

  private:
    [[nodiscard]] std::string last_words();

    VifId vif_;
    std::string path_;
    Descriptor process_;  // a pidfd; closed once it was waited for
    Descriptor output_;
    pid_t group_ = 0;
};

// The whole path of a script that a config names by `name`: itself if it begins with '/', else the
// first of that name on the RAM disk, among Xen's own and among those installed with libxcl. Throws
// Error where there is none that can be run.
[[nodiscard]] std::string find_script(const std::string& name);

}  // namespace xcl::net
