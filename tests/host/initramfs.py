# SPDX-License-Identifier: BSD-3-Clause
"""Makes a Linux initramfs of busybox, one script, and what else a test wants in it."""

import gzip
import pathlib
import shutil
import unittest

REGULAR, DIRECTORY = 0o100755, 0o040755


def entry(name, mode, content=b""):
    """One file of a cpio archive in the "newc" format: 13 hexadecimal fields, name, content."""
    fields = [0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0]
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
    return head + b"\0" * (-len(head) % 4) + content + b"\0" * (-len(content) % 4)


def make(script, files=None):
    """An archive whose /init runs the script in busybox's shell, with /proc there, and with files {path: bytes}."""
    content = {"bin/busybox": pathlib.Path(shutil.which("busybox")).read_bytes(),
               "init": f"#!/bin/busybox sh\n/bin/busybox mount -t proc proc /proc\n{script}\n".encode(),
               **(files or {})}
    folders = {"proc"} | {str(folder) for path in content for folder in pathlib.PurePosixPath(path).parents} - {"."}
    parts = [entry(folder, DIRECTORY) for folder in sorted(folders)]  # parents sort before what they hold
    parts += [entry(path, REGULAR, data) for path, data in content.items()]
    return gzip.compress(b"".join([*parts, entry("TRAILER!!!", 0)]), 1)


def networked(*addresses):
    """An archive that gives the addresses ("10.0.0.2/24") to eth0, eth1 and so on, and stays to answer pings."""
    drivers = sorted(pathlib.Path("/lib/modules").glob("*/kernel/drivers/net/xen-netfront.ko"))
    if not drivers:
        raise unittest.SkipTest("there is no xen-netfront.ko in /lib/modules")
    lines = ["/bin/busybox insmod /xen-netfront.ko"]
    for number, address in enumerate(addresses):
        # The driver meets its devices in its own time.
        lines += [f"until /bin/busybox ip addr add {address} dev eth{number} 2> /dev/null; do",
                  "    /bin/busybox sleep 0.1", "done", f"/bin/busybox ip link set eth{number} up"]
    lines += ["echo network is up", "while :; do /bin/busybox sleep 1000; done"]
    return make("\n".join(lines), {"xen-netfront.ko": drivers[-1].read_bytes()})
