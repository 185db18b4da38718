// SPDX-License-Identifier: BSD-3-Clause
// What the files in commands/ offer to the table in commands.cpp.
#pragma once

#include "command.hpp"

namespace cosmos {

Action declare_completion(CLI::App& app);
Action declare_console(CLI::App& app);
Action declare_create(CLI::App& app);
Action declare_destroy(CLI::App& app);
Action declare_help(CLI::App& app);
Action declare_info(CLI::App& app);
Action declare_list(CLI::App& app);
Action declare_pause(CLI::App& app);
Action declare_reap(CLI::App& app);
Action declare_reboot(CLI::App& app);
Action declare_shutdown(CLI::App& app);
Action declare_unpause(CLI::App& app);
Action declare_version(CLI::App& app);

}  // namespace cosmos
