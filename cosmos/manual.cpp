// SPDX-License-Identifier: BSD-3-Clause
// Renders the table of commands as a manual page.
#include "manual.hpp"

#include <fmt/format.h>

#include "command.hpp"

namespace cosmos {
namespace {

// Text that roff must take as it stands.
std::string escaped(std::string_view text) {
    std::string result;
    for (const char letter : text) {
        if (letter == '\\')
            result += "\\e";
        else if (letter == '-')
            result += "\\-";
        else if (letter == '\'' && result.empty())
            result += "\\(aq";
        else
            result += letter;
    }
    if (result.starts_with('.'))
        result.insert(0, "\\&");
    return result;
}

std::string described(const CommandLine& line) {
    std::string text;
    for (const Parameter& parameter : line.parameters())
        text += fmt::format(".TP\n\\fB{}\\fR\n{}\n", escaped(parameter_words(parameter)),
                            escaped(parameter.help));
    return text;
}

constexpr std::string_view closing = R"(.SH GUEST CONFIG
The assignments that Xen users know from xl.cfg(5), of which these are acted on:
name, kernel, ramdisk, cmdline (or root and extra), memory (MiB), vcpus, cpus,
console ('pty' or 'none'), on_poweroff and on_crash ('destroy' or 'preserve').
A key of xl.cfg that has no effect here is a warning, an unknown one an error.
.SH MIGRATION
What the two hosts say to each other, and whose the guest is:
.TP
offer, ready
The source describes the guest, the destination makes room for it, or says why it cannot. The guest
runs at the source and is the source's.
.TP
pages, prepared
Its memory is sent while it runs. The destination says when it has all that and the guest's
interfaces are on their switches. Still the source's. (A guest that libxenguest has to save sends no
pages yet.)
.TP
the rest, restored
The guest is suspended, and what changed is sent. The destination says that it waits. Still the
source's: if anything fails up to here, or the other side is silent for 30 seconds, the guest runs on
at the source, and the destination removes what it has of it.
.TP
go
From here on it is the destination's. Before it says so, the source marks its copy as in doubt, which
nothing but 'cosmos settle' and 'cosmos destroy' touch. A destination that was not told to go never
starts a guest.
.TP
running
It runs at the destination; the source destroys its copy. If the destination could not start it and
says so, the source takes it back. If nothing is heard, the source does not guess: 'cosmos settle ID
HOST' asks whether it runs there. A destination that was killed right after "go" may have it paused;
then 'cosmos unpause' starts it.
.SH EXIT STATUS
.TP
0
done
.TP
1
failed: one line on stderr says what, why, and what to do next
.TP
2
wrong usage: the command line or a guest config
.TP
3
no such guest
.TP
4
this machine is not the control domain of a Xen host
.TP
130
interrupted; guests of a batch that were whole by then stay
.SH SEE ALSO
.BR xl (1),
.BR xl.cfg (5)
)";

}  // namespace

std::string manual_page() {
    std::string page = fmt::format(
        ".TH COSMOS 1 \"\" \"cosmos {}\" \"User Commands\"\n"
        ".SH NAME\ncosmos \\- a lean Xen toolstack for thousands of tiny guests\n"
        ".SH SYNOPSIS\n.B cosmos\n.I COMMAND\n[options] [arguments]\n"
        ".SH DESCRIPTION\n"
        "Creates, watches and ends paravirtualised Xen guests. A guest is addressed by its domain "
        "id; its name is a label for people. There is no daemon and no state on disk: what exists "
        "is what the hypervisor and XenStore say exists, so any number of cosmos processes, and "
        "xl beside them, can work at once.\n"
        ".SH COMMANDS\n",
        COSMOS_VERSION);
    for (const Command& command : commands()) {
        CommandLine line;
        static_cast<void>(command.declare(line));
        page += fmt::format(".SS cosmos {}{}\n{}\n", command.name, escaped(usage_words(line)),
                            escaped(command.description));
        page += described(line);
        page += ".PP\nExamples:\n.nf\n";
        for (const std::string_view example : command.examples)
            page += fmt::format("    {}\n", escaped(example));
        page += ".fi\n";
    }
    CommandLine common;
    CommonOptions unused;
    declare_common_options(common, unused);
    return page + ".SH OPTIONS OF EVERY COMMAND\n" + described(common) + std::string(closing);
}

}  // namespace cosmos
