// SPDX-License-Identifier: BSD-3-Clause
// The table of commands: the only place where a command is named.
#include "commands.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "command.hpp"

namespace cosmos {
namespace {

// Breaks text between words, so that no line is longer than a terminal's 80 columns.
std::string wrapped(std::string_view text) {
    constexpr std::size_t columns = 80;
    std::string lines;
    std::size_t column = 0;
    while (!text.empty()) {
        const std::string_view word = text.substr(0, text.find(' '));
        text.remove_prefix(std::min(text.size(), word.size() + 1));
        const bool breaks = column + 1 + word.size() > columns;
        if (column > 0)
            lines += breaks ? '\n' : ' ';
        column = column > 0 && !breaks ? column + 1 + word.size() : word.size();
        lines += word;
    }
    return lines;
}

}  // namespace

std::span<const Command> commands() {
    static const std::array table{
        Command{
            "create",
            "create guests from a config",
            "Creates one guest, or COUNT guests of the same config, and starts them. The kernel "
            "is read once. Each guest is whole or nothing of it is left; when one of a batch "
            "fails, those before it stay. KEY=VALUE settings come after the config's own and "
            "win over them.",
            {"cosmos create guest.cfg", "cosmos create -n 100 guest.cfg memory=8",
             "id=$(cosmos create -q guest.cfg)"},
            declare_create},
        Command{"destroy",
                "end guests at once",
                "Ends guests without asking them, and removes all that is recorded of them. Works "
                "on guests of other toolstacks too.",
                {"cosmos destroy 5", "cosmos destroy 5-104", "cosmos destroy all --yes"},
                declare_destroy},
        Command{"shutdown",
                "ask guests to power off",
                "Asks guests to power off. With --wait, sleeps until they have and collects what "
                "is left of them (unless their config says on_poweroff = 'preserve').",
                {"cosmos shutdown --wait 5", "cosmos shutdown 7,9"},
                declare_shutdown},
        Command{"reboot",
                "ask guests to reboot",
                "Asks guests to end for a reboot. No process stays behind to start them again: "
                "with --config CFG, waits until they have ended and creates each anew from that "
                "config, under a new id; without it, they stay listed as ended.",
                {"cosmos reboot --config guest.cfg 5"},
                declare_reboot},
        Command{
            "suspend",
            "put guests into files",
            "Asks a guest to suspend, writes all that it is into an image, and destroys it; "
            "'cosmos resume' makes it anew of that, on this host or another. The image has "
            "its name only once it is whole and on the disk, and the guest goes only after "
            "that: whatever fails before lets it run on, and so does a guest that does not "
            "answer in time. With --keep it runs on in any case. A guest that stands suspended "
            "in 'cosmos list' is one over which a suspend was killed: suspend it again, or "
            "wake it. A guest whose memory cannot be read page by page, since its p2m gives "
            "several pages one frame, is saved by Xen's libxenguest, which takes longer; "
            "-v says so. Ctrl-C and SIGTERM end the command between two guests, never within one. "
            "Needs a kernel that can suspend: Linux, guests of this project, MiniOS "
            "with the patches of minios-patches. A guest of xl is suspended the same way "
            "unless it has disks.",
            {"cosmos suspend 5 web.img", "cosmos suspend --keep 5 checkpoint.img",
             "cosmos suspend --yes all /srv/images"},
            declare_suspend},
        Command{"resume",
                "make guests of images",
                "Checks an image whole, then makes a guest of it under a new id, which goes on "
                "where it was suspended; its vifs come back with their MAC addresses, on the "
                "switch of the same name. The file stays: resumed a second time while the first "
                "guest still runs, the copy needs --new-macs. With -n, COUNT guests are made of "
                "one image, named NAME-ID, each with MAC addresses of its own, and with ip=auto "
                "addresses where the switch has a network.",
                {"cosmos resume web.img", "cosmos resume -n 100 web.img"},
                declare_resume},
        Command{"wake",
                "let suspended guests run on",
                "Lets guests that stand suspended on this host run on where they are. They stand "
                "so when a suspend was killed. If its image is whole, the guest is in that as "
                "well: destroy one of the two instead. One whose record is gone from XenStore was "
                "about to be destroyed, and is refused: 'cosmos reap' collects it.",
                {"cosmos wake 5"},
                declare_wake},
        Command{
            "migrate",
            "move guests to another host",
            "Moves guests to another host, where 'ssh HOST cosmos receive' takes them in, or a "
            "standing receiver ('cosmos receive --listen', which spares the time of ssh). A "
            "guest's "
            "memory is sent while it runs; then it is suspended, and what changed is sent. It "
            "keeps its MAC addresses, which the other host announces, and its vifs go to the "
            "switch "
            "of the same name; its CPUs are chosen anew. Whatever fails while it is sent lets it "
            "run on here, and nothing of it is left there. At one moment, when all of it is there, "
            "the other host is told to start it: should the connection be lost just then, this "
            "host cannot know whether it runs there. It stays here, suspended, 'cosmos list' shows "
            "it as in-doubt, and 'cosmos settle' finds out. Needs a kernel that can suspend, as "
            "'cosmos suspend' does. ('xl migrate' moves no paravirtualised guest on Debian's Xen, "
            "which cannot tell which pages were written.)",
            {"cosmos migrate 5 two", "cosmos migrate --stats 5-8 tls:two.example.org",
             "cosmos migrate --ssh 'ssh -p 2222' --switch xenbr1 5 admin@two"},
            declare_migrate},
        Command{
            "receive",
            "take in guests from other hosts",
            "Takes in one guest from the process that 'cosmos migrate' has ssh start here. With "
            "--listen it stands and takes in guests until a signal ends it: by TLS 1.3, where "
            "either side has to show a certificate of the same authority, or on a socket of "
            "this host that its owner alone can open. Nothing is read of whoever has no such "
            "certificate. --make-certs makes certificates for a start.",
            {"cosmos receive --make-certs /etc/cosmos/certs two.example.org 10.0.0.2",
             "cosmos receive --listen 10.0.0.2", "cosmos receive --listen unix:/run/cosmos.sock"},
            declare_receive},
        Command{
            "settle",
            "end the doubt over a guest that was being moved",
            "Asks the host that a guest was sent to whether it has it. If so, its copy here, "
            "which stands suspended, is destroyed. If not, nothing is done, for it may have run "
            "there and been moved on, or have ended: if it has not, --here lets it run on here. "
            "While the other host still waits to be told to start it, the answer is an error. "
            "'cosmos destroy' is the same as the answer that it runs there.",
            {"cosmos settle 5 two", "cosmos settle --here 5"},
            declare_settle},
        Command{"pause",
                "hold guests still",
                "Holds guests still: they get no CPU time until they are unpaused.",
                {"cosmos pause 5-104"},
                declare_pause},
        Command{"unpause",
                "let paused guests go on",
                "Lets paused guests go on, among them those created with -p.",
                {"cosmos unpause 5-104"},
                declare_unpause},
        Command{"pin",
                "choose the CPUs that guests run on",
                "Lets all vCPUs of the guests run on these CPUs only, at once and until the next "
                "pin. Without it they run where 'cpus' in their config says, or else each vCPU on "
                "one CPU: round-robin by domain id over those that dom0 does not use.",
                {"cosmos pin 5 2-5,^3", "cosmos pin 5-104 all"},
                declare_pin},
        Command{"list",
                "list guests",
                "Lists the guests of this host, whoever created them. Asks only the hypervisor; "
                "--names asks XenStore for each guest's name as well. CPUS are those that its "
                "vCPUs may run on; --json has them for each vCPU, null for any. State is one of "
                "running, blocked (idle), paused, dying (destroyed, but its memory is still in "
                "use), in-doubt (see 'cosmos settle') or why it ended: poweroff, reboot, suspend, "
                "crash, watchdog. A '*' marks a guest whose creation has not ended.",
                {"cosmos list", "cosmos list --json | jq '.[].id'"},
                declare_list},
        Command{"info",
                "show one guest",
                "Shows what the hypervisor and XenStore know of one guest.",
                {"cosmos info 5", "cosmos info --name web"},
                declare_info},
        Command{"image",
                "show what an image holds",
                "Reads the image of a suspended guest whole, checks that nothing of it is missing "
                "or altered, and shows what it holds. Needs no Xen.",
                {"cosmos image web.img", "cosmos image --json web.img | jq .memory_kib"},
                declare_image},
        Command{"console",
                "talk to a guest's console",
                "Connects the terminal to a guest's console until Ctrl-] is typed or the guest "
                "ends. When input is no terminal it is sent as it comes, and the output is shown "
                "until the guest ends.",
                {"cosmos console 5"},
                declare_console},
        Command{"reap",
                "collect what ended or was left behind",
                "Collects guests that ended by themselves (unless their config says preserve), "
                "guests that a killed process left half made, and records in XenStore whose domain "
                "is gone. Guests of other toolstacks are left alone.",
                {"cosmos reap"},
                declare_reap},
        Command{"attach",
                "give a guest a network interface",
                "Gives a running guest one vif for each VIF, written as in a config: "
                "mac=…,bridge=…,ip=…,script=…,rate=…. Returns when its interface is on its switch; "
                "the guest sees it only then. What fails is undone.",
                {"cosmos attach 5", "cosmos attach 5 bridge=xenbr0,ip=10.0.0.7/24"},
                declare_attach},
        Command{"detach",
                "take a network interface from a guest",
                "Asks the guest to let go of a vif, and removes it then. A guest that does not "
                "answer keeps it.",
                {"cosmos detach 5 0", "cosmos detach --force 5 0"},
                declare_detach},
        Command{
            "switch add",
            "make a backend switch",
            "Makes a Linux bridge, or takes one that exists, and makes it one of the switches "
            "that guests are spread over (bridge=auto). With --address the host is the gateway "
            "of the switch's guests, so that guests on different switches reach each other "
            "through it (where net.ipv4.ip_forward is 1); ip=auto gives them addresses of its "
            "network. A switch takes 1,023 vifs and uplinks; a network of /21 has room for all.",
            {"cosmos switch add sw0 --address 10.0.0.1/21", "cosmos switch add sw1 --uplink eth1"},
            declare_switch_add},
        Command{"switch remove",
                "remove a backend switch",
                "Guests no longer come to this switch. The bridge is deleted if 'switch add' made "
                "it. Refused while vifs of guests are plugged into it.",
                {"cosmos switch remove sw0"},
                declare_switch_remove},
        Command{"switch list",
                "list the backend switches",
                "Lists the switches of this host: their ports in use and free, the host's address "
                "on them, and their uplinks. The set is what is marked on the system: bridges with "
                "the alternative names cosmos-switch-0, cosmos-switch-1 and so on.",
                {"cosmos switch list", "cosmos switch list --json"},
                declare_switch_list},
        Command{
            "host check",
            "list what this host needs for many guests, and what it has",
            "Lists everything that limits how many guests this host carries: what is there, what N "
            "guests need, and why. Guests that run already count among the N. Exit status 1 when "
            "something falls short. Changes nothing.",
            {"cosmos host check --guests 10000",
             "cosmos host check --json | jq '.[]|select(.ok|not)'"},
            declare_host_check},
        Command{"host prepare",
                "set what host check finds short",
                "Sets what falls short and can be set, says each change, and leaves alone what is "
                "set already. What no setting changes (memory, the choice of the store daemon) is "
                "said on stderr, with exit status 1. Settings hold until the next boot: the "
                "systemd unit cosmos-host.service runs this at each, for as many guests as "
                "/etc/default/cosmos says. Mounts a RAM disk at /run/cosmos with the hotplug "
                "script, the configs and their images; the copied configs name the copied images.",
                {"cosmos host prepare --guests 10000", "cosmos host prepare --dry-run",
                 "cosmos create /run/cosmos/configs/guest.cfg"},
                declare_host_prepare},
        Command{"host cache add",
                "copy images into the RAM disk",
                "Copies an image, or the regular files of a directory, into the RAM disk that host "
                "prepare mounts, and prints the path of each copy: a guest config names it like "
                "any other file (kernel = '/run/cosmos/images/web.elf'). A copy appears whole or "
                "not at all; it replaces an older one of its name, which is said on stderr.",
                {"cosmos host cache add web.elf", "cosmos host cache add /srv/images"},
                declare_host_cache_add},
        Command{"completion",
                "print a completion script",
                "Prints a script that completes cosmos commands and options in a shell.",
                {"source <(cosmos completion bash)"},
                declare_completion},
        Command{"version",
                "print the version",
                "Prints the version of cosmos.",
                {"cosmos version"},
                declare_version},
        Command{"help",
                "explain a command",
                "Explains a command, or lists all.",
                {"cosmos help create"},
                declare_help},
    };
    return table;
}

void declare_common_options(CommandLine& line, CommonOptions& options) {
    line.flag('h', "help", options.help, "Print this help");
    line.flag(0, "json", options.json, "Print JSON, for programs");
    line.flag('t', "time", options.times, "Tell on stderr where the time went, in microseconds");
    line.flag('v', "verbose", options.verbose, "Tell on stderr what is being done");
}

std::string help_text(const Command& command) {
    CommandLine own;
    CommandLine common;
    CommonOptions options;
    static_cast<void>(command.declare(own));
    declare_common_options(common, options);

    std::string text = fmt::format("{}\n\nUsage: cosmos {} [options]{}\n",
                                   wrapped(command.description), command.name, usage_words(own));
    const auto append = [&](std::string_view heading, const CommandLine& line, bool arguments) {
        bool first = true;
        for (const Parameter& parameter : line.parameters()) {
            if (parameter.argument != arguments)
                continue;
            if (first)
                text += fmt::format("\n{}:\n", heading);
            first = false;
            text += fmt::format("  {:<20} {}\n", parameter_words(parameter), parameter.help);
        }
    };
    append("Arguments", own, true);
    append("Options", own, false);
    append("Options of every command", common, false);
    text += "\nExamples:\n";
    for (const std::string_view example : command.examples)
        text += fmt::format("  {}\n", example);
    return text;
}

}  // namespace cosmos
