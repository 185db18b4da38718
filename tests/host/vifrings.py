# SPDX-License-Identifier: BSD-3-Clause
"""The host's side of a vif's rings (xen/io/netif.h, xen/io/ring.h), to write what no backend would.

Maps the guest's two ring pages by their grants, beside netback, and sends events in its name.
"""

import ctypes
import mmap
import struct

from hostlib import command

PAGE_BYTES = 4096
READ_WRITE = mmap.PROT_READ | mmap.PROT_WRITE
EVENT_CHANNEL_OP, SEND, STATUS = 32, 4, 5  # xen/xen.h, xen/event_channel.h
INTERDOMAIN = 2
REQ_EVENT, RSP_PROD, RSP_EVENT, PRIVATE, SLOTS = 4, 8, 12, 16, 64
SLOT_COUNT = 256
CONNECTED = "4"


def _library(name, **functions):
    loaded = ctypes.CDLL(name, use_errno=True)
    for function, (result, *arguments) in functions.items():
        getattr(loaded, function).restype = result
        getattr(loaded, function).argtypes = arguments
    return loaded


class Events:
    """Sends events from the control domain's end of a guest's event channel."""

    def __init__(self):
        pointer = ctypes.c_void_p
        self.library = _library("libxencall.so.1", xencall_open=(pointer, pointer, ctypes.c_uint),
                                xencall_alloc_buffer=(pointer, pointer, ctypes.c_size_t),
                                xencall_free_buffer=(None, pointer, pointer), xencall_close=(ctypes.c_int, pointer),
                                xencall2=(ctypes.c_int, pointer, ctypes.c_uint, ctypes.c_uint64, ctypes.c_uint64))
        self.handle = self.library.xencall_open(None, 0)
        self.argument = self.library.xencall_alloc_buffer(self.handle, 24)

    def _call(self, what, argument):
        ctypes.memmove(self.argument, argument, len(argument))
        failed = self.library.xencall2(self.handle, EVENT_CHANNEL_OP, what, self.argument)
        return None if failed else ctypes.string_at(self.argument, len(argument))

    def kick(self, guest, port):
        """False when nobody is bound to the guest's port: backend and guest are just connecting."""
        told = self._call(STATUS, struct.pack("HxxIIIHxxI", guest, port, 0, 0, 0, 0))
        if told is None:
            return False
        *_, status, _, _, own_port = struct.unpack("HxxIIIHxxI", told)
        return status == INTERDOMAIN and self._call(SEND, struct.pack("I", own_port)) is not None

    def close(self):
        self.library.xencall_free_buffer(self.handle, self.argument)
        self.library.xencall_close(self.handle)


class Ring:
    """One ring page of a guest, mapped."""

    def __init__(self, grants, guest, ref, slot_bytes):
        self.grants, self.slot_bytes = grants, slot_bytes
        self.address = grants.library.xengnttab_map_grant_ref(grants.handle, guest, ref, READ_WRITE)
        if not self.address:
            raise OSError(ctypes.get_errno(), f"cannot map grant {ref} of domain {guest}")

    def read(self, offset):
        return struct.unpack("I", ctypes.string_at(self.address + offset, 4))[0]

    def write(self, offset, data):
        ctypes.memmove(self.address + offset, data, len(data))

    def set(self, offset, number):
        self.write(offset, struct.pack("I", number & 0xFFFFFFFF))

    def set_slot(self, number, response):
        """Not beyond what a response takes: the rest of a transmit slot is of the guest's request."""
        self.write(SLOTS + number % SLOT_COUNT * self.slot_bytes, response)

    def unmap(self):
        self.grants.library.xengnttab_unmap(self.grants.handle, self.address, 1)


class Grants:
    def __init__(self):
        pointer = ctypes.c_void_p
        self.library = _library("libxengnttab.so.1", xengnttab_open=(pointer, pointer, ctypes.c_uint),
                                xengnttab_map_grant_ref=(pointer, pointer, ctypes.c_uint32, ctypes.c_uint32,
                                                         ctypes.c_int),
                                xengnttab_unmap=(ctypes.c_int, pointer, pointer, ctypes.c_uint32),
                                xengnttab_close=(ctypes.c_int, pointer))
        self.handle = self.library.xengnttab_open(None, 0)

    def close(self):
        self.library.xengnttab_close(self.handle)


class VifRings:
    """Both rings of a connected vif, and its events; a context that lets go of them at its end."""

    def __init__(self, guest, vif):
        self.guest = guest
        self.front = f"/local/domain/{guest}/device/vif/{vif}"
        self.back = f"/local/domain/0/backend/vif/{guest}/{vif}"
        self.grants, self.events = Grants(), Events()
        self.tx = Ring(self.grants, guest, int(self.read(self.front, "tx-ring-ref")), 12)
        self.rx = Ring(self.grants, guest, int(self.read(self.front, "rx-ring-ref")), 8)

    @staticmethod
    def read(directory, key):
        said = command("xenstore-read", f"{directory}/{key}")
        return said.out.strip() if said.status == 0 else ""

    def connected(self):
        return self.read(self.front, "state") == CONNECTED and self.read(self.back, "state") == CONNECTED

    def kick(self):
        """Wakes the guest as netback does, by whatever ports it has just now."""
        ports = {self.read(self.front, key) for key in ("event-channel", "event-channel-rx", "event-channel-tx")}
        return any([self.events.kick(self.guest, int(port)) for port in ports - {""}])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tx.unmap()
        self.rx.unmap()
        self.grants.close()
        self.events.close()
