// SPDX-License-Identifier: BSD-3-Clause
// SpawnSettings: what posix_spawn is told of a process to start.
#pragma once

#include <string>
#include <vector>

#include <spawn.h>

namespace xcl {

class SpawnSettings {
  public:
    // An ordinary process, whatever this one is: its priority, its signals.
    SpawnSettings();
    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;
    ~SpawnSettings();

    // It becomes the first of a group of its own, to be killed as one.
    void lead_group();

    posix_spawn_file_actions_t files{};
    posix_spawnattr_t attributes{};
};

// Ends with a null pointer, as argv does. The texts outlive it.
[[nodiscard]] std::vector<char*> pointers_to(std::vector<std::string>& texts);

}  // namespace xcl
