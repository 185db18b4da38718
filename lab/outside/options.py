# SPDX-License-Identifier: BSD-3-Clause
"""The command line of xenlab: options, their help, and the checks that need no host."""

import argparse
import pathlib

from . import machine, project
from .errors import LabError, WRONG_USAGE

EXAMPLES = """\
examples:
  xenlab run -- xl list
  xenlab run -- cosmos create -n 10 /usr/share/cosmos/clickos-configs/guest.cfg
  xenlab run --put tests/host --get report.txt -- python3 host/run.py --report report.txt
  xenlab run --clock instructions --store ox --no-project -- xl info
  xenlab shell --store ox
  xenlab pair -- ssh two cosmos list
"""

PAIR = """\
COMMAND runs in dom0 of host "one"; "two" is beside it. Their dom0s are on one Ethernet, the bridge link0 of
each (10.99.0.1/16 and 10.99.0.2/16), and so is every guest with a vif on link0, on either host. Each has the
project and the files of --put, in /tmp/work. ssh and scp go both ways and ask nothing. When either host ends
by itself, both end, and the lab has failed.

examples:
  xenlab pair -- ssh two xl list
  xenlab pair --put tests.py -- python3 tests.py
  xenlab pair -- sh -c 'scp -r /var/log/xen two:/tmp/ && ssh two "ls /tmp/xen; ping -c 3 one"'
"""

STATUSES = """\
exit status:
  that of COMMAND, or
    2  wrong usage, or the project is not built
  124  the time limit was reached         125  the lab itself failed
  130  stopped with Ctrl-C                143  stopped with SIGTERM
"""

PAIR_MEMORY_MIB = 2048  # of each: there are two


def positive(text):
    value = int(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def add_host_options(parser, memory_mib=4096, cpus_help="CPUs (default 2; 1 with --clock instructions)"):
    host = parser.add_argument_group("the host")
    host.add_argument("--clock", choices=("wall", "instructions"), default="wall",
                      help="wall: as fast as it goes (default). instructions: one instruction is one nanosecond, "
                           "so that times repeat to the percent; for measuring, on one CPU")
    host.add_argument("--store", choices=("c", "ox"), default="c", help="xenstored (c, default) or oxenstored (ox)")
    host.add_argument("--trace", action="store_true",
                      help="the store daemon writes every request to /var/log/xen/xenstored.trace in dom0")
    host.add_argument("--memory", type=positive, default=memory_mib, metavar="MiB",
                      help=f"memory of the host (default {memory_mib})")
    host.add_argument("--dom0-memory", type=positive, default=1024, metavar="MiB",
                      help="of which dom0 has this much (default 1024)")
    host.add_argument("--cpus", type=positive, metavar="N", help=cpus_help)
    host.add_argument("--accel", choices=("auto", "tcg", "kvm"), default="auto",
                      help="tcg emulates every instruction; kvm is used where it can run Xen, which auto (default) "
                           "tries once on each machine. The instruction clock needs tcg")
    host.add_argument("--cold", action="store_true",
                      help="boot afresh (half a minute) instead of continuing from a host that was kept after boot")
    content = parser.add_argument_group("the project")
    content.add_argument("--build", type=pathlib.Path, default=project.DEFAULT_BUILD, metavar="DIR",
                         help="the build tree to install in dom0 (default build/release of this repository)")
    content.add_argument("--no-project", action="store_true", help="install nothing in dom0")
    content.add_argument("--put", nargs="+", action="extend", default=[], type=pathlib.Path, metavar="FILE",
                         help="files or directories copied into the working directory in dom0")


def add_command_options(parser):
    parser.usage = f"{parser.prog} [OPTIONS] -- COMMAND [ARGUMENT…]"
    parser.add_argument("--get", nargs="+", action="extend", default=[], metavar="PATH",
                        help="files or directories of dom0 (absolute, or from the working directory) brought back "
                             "into the current directory, also when COMMAND fails")
    parser.add_argument("--timeout", type=positive, default=900, metavar="SECONDS",
                        help="end the host after this time (default 900)")


def parser():
    top = argparse.ArgumentParser(
        prog="xenlab", formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False,
        description="A Xen host on your machine: Debian's Xen, kernel and tools, emulated by QEMU.",
        epilog=EXAMPLES + "\n" + STATUSES)
    commands = top.add_subparsers(dest="verb", required=True, metavar="COMMAND")

    def add(name, summary, epilog=""):
        return commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".",
                                   epilog=epilog, allow_abbrev=False,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)

    run = add("run", "boot the host and run a command in dom0", EXAMPLES + "\n" + STATUSES)
    add_host_options(run)
    add_command_options(run)
    pair = add("pair", "boot two hosts on one network and run a command in dom0 of the first", PAIR + "\n" + STATUSES)
    add_host_options(pair, PAIR_MEMORY_MIB, "CPUs of each host (default 1)")
    add_command_options(pair)
    shell = add("shell", "boot the host and open a shell in dom0 on your terminal; leave it with exit")
    add_host_options(shell)
    build = add("build", "make the host's image, if the current one is not there yet")
    build.add_argument("--force", action="store_true", help="make it even if it is there")
    add("clean", "remove everything the lab has cached")
    return top


def parse(arguments):
    """Returns the options and COMMAND; everything after the first -- is COMMAND, untouched."""
    command = []
    if "--" in arguments:
        split = arguments.index("--")
        arguments, command = arguments[:split], arguments[split + 1:]
    options = parser().parse_args(arguments)
    takes_command = options.verb in ("run", "pair")
    if takes_command and not command:
        raise LabError(f"no command given; for example: xenlab {options.verb} -- xl list", WRONG_USAGE)
    if not takes_command and command:
        raise LabError(f"xenlab {options.verb} takes no command; use: xenlab run -- {' '.join(command)}", WRONG_USAGE)
    return options, command


def settings(options):
    """Checks what belongs together and returns the machine that is wanted."""
    if options.verb == "pair" and options.clock == "instructions":
        raise LabError("--clock instructions is for one host: each of two would jump over its own idle time, and no "
                       "time between them would mean anything; leave it out, or measure with xenlab run", WRONG_USAGE)
    cpus = options.cpus or (1 if options.clock == "instructions" or options.verb == "pair" else 2)
    if options.clock == "instructions" and cpus != 1:
        raise LabError("--clock instructions measures one CPU only; leave out --cpus", WRONG_USAGE)
    if options.clock == "instructions" and options.accel == "kvm":
        raise LabError("--clock instructions needs --accel tcg; KVM counts no instructions", WRONG_USAGE)
    if options.dom0_memory < 256:
        raise LabError("--dom0-memory: dom0 needs at least 256 MiB", WRONG_USAGE)
    if options.memory < options.dom0_memory + 128:
        raise LabError(f"--memory {options.memory} is too small; Xen needs 128 MiB besides --dom0-memory "
                       f"{options.dom0_memory}", WRONG_USAGE)
    for path in options.put:
        if not path.exists():
            raise LabError(f"--put {path}: no such file", WRONG_USAGE)
    return machine.Settings(clock=options.clock, store=options.store, trace=options.trace,
                            memory_mib=options.memory, dom0_memory_mib=options.dom0_memory, cpus=cpus)
