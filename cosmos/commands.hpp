// SPDX-License-Identifier: BSD-3-Clause
// What the files in commands/ offer to the table in commands.cpp.
#pragma once

#include "command.hpp"

namespace cosmos {

Action declare_attach(CommandLine& line);
Action declare_completion(CommandLine& line);
Action declare_console(CommandLine& line);
Action declare_create(CommandLine& line);
Action declare_destroy(CommandLine& line);
Action declare_detach(CommandLine& line);
Action declare_help(CommandLine& line);
Action declare_host_cache_add(CommandLine& line);
Action declare_host_check(CommandLine& line);
Action declare_host_prepare(CommandLine& line);
Action declare_image(CommandLine& line);
Action declare_info(CommandLine& line);
Action declare_list(CommandLine& line);
Action declare_migrate(CommandLine& line);
Action declare_pause(CommandLine& line);
Action declare_pin(CommandLine& line);
Action declare_reap(CommandLine& line);
Action declare_reboot(CommandLine& line);
Action declare_receive(CommandLine& line);
Action declare_resume(CommandLine& line);
Action declare_settle(CommandLine& line);
Action declare_shutdown(CommandLine& line);
Action declare_suspend(CommandLine& line);
Action declare_switch_add(CommandLine& line);
Action declare_switch_list(CommandLine& line);
Action declare_switch_remove(CommandLine& line);
Action declare_unpause(CommandLine& line);
Action declare_version(CommandLine& line);
Action declare_wake(CommandLine& line);

}  // namespace cosmos
