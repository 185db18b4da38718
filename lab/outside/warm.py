# SPDX-License-Identifier: BSD-3-Clause
"""Starts hosts fast: the first boot of a kind of host is kept, the next ones continue from there.

A kept host is its memory (a sparse file, which later hosts map privately) and the state of its
devices, taken when dom0's agent is ready and nothing has been run. The disk is never written.
"""

import contextlib
import os
import signal
import subprocess

from . import cache, machine, places, session
from .errors import LabError

BOOT_LIMIT_S = 240
KEPT_HOSTS = 10
FORMAT = b"1"  # of what keep() writes


def key(kernel, settings):
    """A short name for everything that a kept host depends on."""
    (qemu,) = places.find_programs("qemu-system-x86_64")
    version = subprocess.run([qemu, "--version"], stdout=subprocess.PIPE, check=True).stdout
    return cache.key({
        "format": FORMAT,
        "image": kernel.id.encode(),
        "command": "\0".join(machine.command(qemu, kernel, settings, "agent", "monitor", "parcel")).encode(),
        "qemu": version + machine.host_processor(settings),
    })


@contextlib.contextmanager
def boot_limit():
    """Ends a boot that hangs; whoever sets a time limit of their own does so afterwards."""
    def late(*_):
        raise LabError(f"the host did not come up in {BOOT_LIMIT_S} s")
    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(BOOT_LIMIT_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def cold_start(kernel, settings, extra=(), cable=None):
    """Boots a host and waits for its agent."""
    host = machine.Machine(kernel, settings, extra or machine.memory(settings), cable)
    try:
        with boot_limit():
            session.Session(host).wait_ready()
    except (EOFError, ConnectionError):
        host.end()
        raise LabError(f"{host.log_tail()}\nthe host did not come up; the end of its log is above") from None
    except LabError as error:
        host.end()
        raise LabError(f"{host.log_tail()}\n{error}", error.status) from None
    except BaseException:
        host.end()
        raise
    return host


def keep(kernel, settings, folder, note):
    """Boots a host and keeps it in folder."""
    note("lab: booting Xen once for this kind of host (half a minute; from then on it starts in a few seconds) …")
    with cold_start(kernel, settings, machine.memory(settings, folder / "memory", keep=True)) as host:
        host.monitor.save(folder / "devices")


def start(kernel, settings, cold, note, cable=None):
    """Returns a running host whose agent is ready."""
    if cold:
        return cold_start(kernel, settings, cable=cable)
    name = f"host-{key(kernel, settings)}"
    folder = cache.build_once(name, False, lambda beside: keep(kernel, settings, beside, note), note)
    os.utime(folder)
    cache.prune("host-", KEPT_HOSTS)
    host = machine.Machine(kernel, settings, [*machine.memory(settings, folder / "memory"), "-incoming", "defer"], cable)
    try:
        with boot_limit():
            host.monitor.restore(folder / "devices")
    except (EOFError, ConnectionError):
        host.end()
        raise LabError(f"{host.log_tail()}\nthe kept host does not start; try --cold, or xenlab clean") from None
    except BaseException:
        host.end()
        raise
    return host
