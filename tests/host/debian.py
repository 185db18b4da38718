# SPDX-License-Identifier: BSD-3-Clause
"""Debian's kernel as guests can boot it in no time: unpacked, once for all tests of a run."""

import atexit
import functools
import lzma
import pathlib
import shutil
import struct
import tempfile
import unittest

BOOT_S = 240  # on an emulated host that is busy; unpacked it takes a tenth of that


@functools.cache
def kernel():
    """The ELF inside the newest /boot/vmlinuz-*: unpacking takes seconds here, and half a minute in each guest."""
    packed = sorted(pathlib.Path("/boot").glob("vmlinuz-*"))
    if not packed:
        raise unittest.SkipTest("there is no /boot/vmlinuz-*")
    image = packed[-1].read_bytes()
    # Documentation/x86/boot.rst, 1.6: setup_sects, payload_offset, payload_length
    start = ((image[0x1F1] or 4) + 1) * 512
    offset, length = struct.unpack_from("<II", image, 0x248)
    folder = pathlib.Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    elf = folder / "vmlinux"
    # The length counts the size that follows the xz stream; the stream ends by itself.
    elf.write_bytes(lzma.LZMADecompressor().decompress(image[start + offset:start + offset + length]))
    return elf
