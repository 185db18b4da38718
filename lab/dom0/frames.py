# SPDX-License-Identifier: BSD-3-Clause
"""Frames on the serial port between the outside and dom0's agent: kind, length, payload.

Both ends import this file. From the outside: RUN, INPUT and WINDOW for a shell, SIGNAL, UNPACK and
FETCH, which move archives by the parcel disk and are answered with DONE. From dom0: READY once after
boot, OUT, ERR and EXIT. All payloads but those of INPUT, OUT and ERR are JSON.
"""

import os
import struct

READY, UNPACK, FETCH, DONE = b"H", b"U", b"F", b"D"
RUN, INPUT, WINDOW, SIGNAL = b"R", b"I", b"W", b"S"
OUT, ERR, EXIT = b"O", b"E", b"X"

HEADER = struct.Struct(">cI")
CHUNK_BYTES = 32 * 1024


def pack(kind, payload=b""):
    return HEADER.pack(kind, len(payload)) + payload


def write_all(descriptor, data):
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view):]


def read_exactly(descriptor, count):
    """Returns count bytes, or raises EOFError when the other end is gone."""
    parts = []
    while count:
        part = os.read(descriptor, count)
        if not part:
            raise EOFError("the other end closed the channel")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def unpack(buffer):
    """Takes one whole frame off the front of a bytearray; None while it is not whole."""
    if len(buffer) < HEADER.size:
        return None
    kind, length = HEADER.unpack_from(buffer)
    if len(buffer) < HEADER.size + length:
        return None
    payload = bytes(buffer[HEADER.size:HEADER.size + length])
    del buffer[:HEADER.size + length]
    return kind, payload


def send(descriptor, kind, payload=b""):
    write_all(descriptor, pack(kind, payload))


def receive(descriptor):
    """Waits for one frame and returns (kind, payload)."""
    kind, length = HEADER.unpack(read_exactly(descriptor, HEADER.size))
    return kind, read_exactly(descriptor, length)
