// SPDX-License-Identifier: BSD-3-Clause
// The table of commands: the only place where a command is named.
#include "commands.hpp"

#include <algorithm>
#include <array>

#include "command.hpp"

namespace cosmos {

std::span<const Command> commands() {
    static const std::array table{
        Command{"create", "create guests from a config",
                "Creates one guest, or COUNT guests of the same config, and starts them. The kernel "
                "is read once. Each guest is whole or nothing of it is left; when one of a batch "
                "fails, those before it stay. KEY=VALUE settings come after the config's own and "
                "win over them.",
                {"cosmos create guest.cfg", "cosmos create -n 100 guest.cfg memory=8",
                 "id=$(cosmos create -q guest.cfg)"},
                declare_create},
        Command{"destroy", "end guests at once",
                "Ends guests without asking them, and removes all that is recorded of them. Works "
                "on guests of other toolstacks too.",
                {"cosmos destroy 5", "cosmos destroy 5-104", "cosmos destroy all --yes"},
                declare_destroy},
        Command{"shutdown", "ask guests to power off",
                "Asks guests to power off. With --wait, sleeps until they have and collects what "
                "is left of them (unless their config says on_poweroff = 'preserve').",
                {"cosmos shutdown --wait 5", "cosmos shutdown 7,9"},
                declare_shutdown},
        Command{"reboot", "ask guests to reboot",
                "Asks guests to end for a reboot. No process stays behind to start them again: "
                "with --config CFG, waits until they have ended and creates each anew from that "
                "config, under a new id; without it, they stay listed as ended.",
                {"cosmos reboot --config guest.cfg 5"},
                declare_reboot},
        Command{"pause", "hold guests still",
                "Holds guests still: they get no CPU time until they are unpaused.",
                {"cosmos pause 5-104"},
                declare_pause},
        Command{"unpause", "let paused guests go on",
                "Lets paused guests go on, among them those created with -p.",
                {"cosmos unpause 5-104"},
                declare_unpause},
        Command{"list", "list guests",
                "Lists the guests of this host, whoever created them. Asks only the hypervisor, in "
                "one call; --names asks XenStore for each guest's name as well. State is one of "
                "running, blocked (idle), paused, dying (destroyed, but its memory is still in "
                "use) or why it ended: poweroff, reboot, suspend, crash, watchdog. A '*' marks a "
                "guest whose creation has not ended.",
                {"cosmos list", "cosmos list --json | jq '.[].id'"},
                declare_list},
        Command{"info", "show one guest",
                "Shows what the hypervisor and XenStore know of one guest.",
                {"cosmos info 5", "cosmos info --name web"},
                declare_info},
        Command{"console", "talk to a guest's console",
                "Connects the terminal to a guest's console until Ctrl-] is typed or the guest "
                "ends. When input is no terminal it is sent as it comes, and the output is shown "
                "until the guest ends.",
                {"cosmos console 5"},
                declare_console},
        Command{"reap", "collect what ended or was left behind",
                "Collects guests that ended by themselves (unless their config says preserve), "
                "guests that a killed process left half made, and records in XenStore whose domain "
                "is gone. Guests of other toolstacks are left alone.",
                {"cosmos reap"},
                declare_reap},
        Command{"completion", "print a completion script",
                "Prints a script that completes cosmos commands and options in a shell.",
                {"source <(cosmos completion bash)"},
                declare_completion},
        Command{"version", "print the version",
                "Prints the version of cosmos.",
                {"cosmos version"},
                declare_version},
        Command{"help", "explain a command",
                "Explains a command, or lists all.",
                {"cosmos help create"},
                declare_help},
    };
    return table;
}

const Command* find_command(std::string_view name) {
    const auto found = std::ranges::find(commands(), name, &Command::name);
    return found == commands().end() ? nullptr : &*found;
}

void declare_common_options(CLI::App& app, CommonOptions& options) {
    app.add_flag("--json", options.json, "Print JSON, for programs");
    app.add_flag("-t,--time", options.times,
                 "Tell on stderr where the time went, in microseconds");
    app.add_flag("-v,--verbose", options.verbose, "Tell on stderr what is being done");
}

Action declare(const Command& command, CLI::App& app, CommonOptions& options) {
    app.set_help_flag("-h,--help", "Print this help");
    declare_common_options(app, options);
    std::string footer = "Examples:";
    for (const std::string_view example : command.examples)
        footer.append("\n  ").append(example);
    app.footer(footer);
    return command.declare(app);
}

}  // namespace cosmos
