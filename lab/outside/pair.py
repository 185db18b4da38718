# SPDX-License-Identifier: BSD-3-Clause
"""Two hosts on one Ethernet: a cable between two QEMUs, and at each end a bridge of dom0.

The hosts are those of `xenlab run`, continued from the same kept one; the network device is plugged
in afterwards, so each has a MAC of its own. The cable is a pair of connected sockets: no address, no
file, and nobody else on it.
"""

import contextlib
import pathlib
import signal
import socket
import tempfile

from . import hosting, machine, session, warm
from .errors import LabError

NAMES = ("one", "two")
LINK = "/lab/link"
TRUST = "/etc/ssh/pair"
PING_S = 30


def mac(number):
    """Of QEMU's own range, which Xen's guests (00:16:3e) do not use."""
    return f"52:54:00:63:6f:{number:02x}"


@contextlib.contextmanager
def booted(kernel, settings, cold):
    """Gives the two hosts, their agents ready and the cable between them."""
    with contextlib.ExitStack() as hosts:
        # Only the QEMUs hold the cable, so that the end of one is the end of the link.
        with contextlib.ExitStack() as cable:
            ends = [cable.enter_context(end) for end in socket.socketpair()]
            running = [hosts.enter_context(warm.start(kernel, settings, cold, hosting.say, end)) for end in ends]
        yield running


def link_step(talk, name, words, settings):
    """Runs one program of the linking in dom0; it prints nothing when it succeeds."""
    if talk.run(words, {}, hosting.clock_of(settings)):
        raise LabError(f"host {name} could not be linked: {' '.join(words)} failed in its dom0")


def link(hosts, talks, settings):
    """Plugs the cable in, and gives the hosts their names, addresses and trust in each other."""
    one, two = talks
    for number, host in enumerate(hosts, 1):
        host.monitor.execute("device_add", driver="virtio-net-pci", id="link", netdev=machine.CABLE, mac=mac(number))
    link_step(one, "one", [LINK, "key"], settings)
    with tempfile.TemporaryDirectory(prefix="xenlab-") as folder:
        if one.get([TRUST], folder):
            raise LabError(f"host one made no {TRUST}")
        two.put(["-C", folder, pathlib.Path(TRUST).name], str(pathlib.Path(TRUST).parent))
    for name, talk in zip(NAMES, talks):
        link_step(talk, name, [LINK, name], settings)
    reach = ["sh", "-c", f"ping -q -c 1 -w {PING_S} two > /dev/null"]
    link_step(one, "one", reach, settings)


def run(options, command):
    """Runs the command in dom0 of host one while host two is there."""
    with hosting.prepared(options) as (kernel, settings, staging), booted(kernel, settings, options.cold) as hosts:
        with hosting.deaths_told({f"host {name}": host for name, host in zip(NAMES, hosts)}):
            talks = [session.Session(host, others=[other for other in hosts if other is not host]) for host in hosts]
            with warm.boot_limit():
                link(hosts, talks, settings)
            signal.alarm(options.timeout)
            for talk in talks:
                hosting.put_everything(talk, options, staging)
            return hosting.run_command(talks[0], options, command, hosting.clock_of(settings))
