# SPDX-License-Identifier: BSD-3-Clause
"""Makes a Linux initramfs of busybox and one script."""

import gzip
import pathlib
import shutil

REGULAR, DIRECTORY = 0o100755, 0o040755


def entry(name, mode, content=b""):
    """One file of a cpio archive in the "newc" format: 13 hexadecimal fields, name, content."""
    fields = [0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0]
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
    return head + b"\0" * (-len(head) % 4) + content + b"\0" * (-len(content) % 4)


def make(script):
    """An archive whose /init runs the script in busybox's shell, with /proc there."""
    busybox = pathlib.Path(shutil.which("busybox")).read_bytes()
    init = f"#!/bin/busybox sh\n/bin/busybox mount -t proc proc /proc\n{script}\n".encode()
    parts = [entry("bin", DIRECTORY), entry("bin/busybox", REGULAR, busybox), entry("proc", DIRECTORY),
             entry("init", REGULAR, init), entry("TRAILER!!!", 0)]
    return gzip.compress(b"".join(parts), 1)
