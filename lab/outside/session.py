# SPDX-License-Identifier: BSD-3-Clause
"""Speaks with dom0's agent: sends files, runs a command, brings files back."""

import json
import os
import select
import signal
import subprocess
import sys

from . import machine, places, terminal
from .errors import LabError

sys.path.insert(0, str(places.DOM0))
import frames  # noqa: E402

END_OF_INPUT = b"\x04"


class Session:
    """The conversation with one booted host."""

    def __init__(self, host, others=()):
        """Of the other hosts, nothing is expected but that they live on; a wait ends when one does not."""
        self._port = host.agent.fileno()
        self._others = [other.agent for other in others]
        self._parcel = host.parcel
        self._received = bytearray()

    def wait_ready(self):
        self._expect(frames.READY)

    def _receive(self):
        """One frame; what has come of it stays when a signal interrupts the wait."""
        while not (frame := frames.unpack(self._received)):
            if set(select.select([self._port, *self._others], [], [])[0]) & set(self._others):
                raise EOFError("another host is gone")
            part = os.read(self._port, frames.CHUNK_BYTES)
            if not part:
                raise EOFError("the host is gone")
            self._received += part
        return frame

    def _expect(self, *kinds):
        kind, payload = self._receive()
        if kind not in kinds:
            raise LabError(f"dom0 answered {kind!r} where one of {kinds!r} was expected")
        return kind, payload

    def _answer(self, kind):
        return json.loads(self._expect(kind)[1])

    def _send(self, kind, request):
        frames.send(self._port, kind, json.dumps(request).encode())

    def put(self, tar_arguments, directory):
        """Unpacks what tar packs with these arguments into dom0's directory."""
        (tar,) = places.find_programs("tar")
        self._parcel.seek(0)
        packed = subprocess.run([tar, "-cf", "-", *tar_arguments], stdin=subprocess.DEVNULL, stdout=self._parcel,
                                check=False)
        if packed.returncode:
            raise LabError("cannot read the files to put into dom0")
        if os.fstat(self._parcel.fileno()).st_size > machine.PARCEL_BYTES:
            raise LabError(f"more than {machine.PARCEL_BYTES >> 30} GiB to put into dom0")
        self._send(frames.UNPACK, {"directory": directory})
        if self._answer(frames.DONE)["status"]:
            raise LabError(f"cannot copy into {directory} of dom0; is there room (--dom0-memory)?")

    def run(self, argv, environment, extra=None):
        """Runs argv in dom0, passes on what it prints, returns its exit status."""
        self._send(frames.RUN, {"command": argv, "terminal": False, "environment": environment, **(extra or {})})
        while True:
            kind, payload = self._expect(frames.OUT, frames.ERR, frames.EXIT)
            if kind == frames.EXIT:
                return json.loads(payload)["status"]
            frames.write_all(1 if kind == frames.OUT else 2, payload)

    def _show(self):
        """Writes what has come from a terminal; returns the exit status when it has come too."""
        while True:
            kind, payload = self._expect(frames.OUT, frames.EXIT)
            if kind == frames.EXIT:
                return json.loads(payload)["status"]
            frames.write_all(1, payload)
            if not self._received:
                return None

    def kill(self):
        """Ends the command that runs."""
        self._send(frames.SIGNAL, {"signal": signal.SIGKILL})
        while self._receive()[0] != frames.EXIT:
            pass

    def shell(self, argv, environment, extra):
        """Runs argv on a terminal of dom0 that is joined to ours, until it ends; returns its exit status."""
        self._send(frames.RUN, {"command": argv, "terminal": True, "window": terminal.size(),
                                "environment": environment, **extra})
        poll = select.poll()
        with terminal.resized() as resized:
            for descriptor in (0, self._port, resized):
                poll.register(descriptor, select.POLLIN)
            while True:
                for descriptor, _ in poll.poll():
                    if descriptor == 0:
                        typed = os.read(0, frames.CHUNK_BYTES)
                        if not typed:
                            poll.unregister(0)
                        frames.send(self._port, frames.INPUT, typed or END_OF_INPUT)
                    elif descriptor == resized:
                        os.read(resized, 64)
                        self._send(frames.WINDOW, terminal.size())
                    else:
                        status = self._show()
                        if status is not None:
                            return status

    def get(self, paths, directory):
        """Brings paths of dom0 into our directory by their base names; returns those that are not there."""
        (tar,) = places.find_programs("tar")
        self._send(frames.FETCH, {"paths": paths})
        answer = self._answer(frames.DONE)
        if answer["packed"]:
            self._parcel.seek(0)
            unpacked = subprocess.run([tar, "-xf", "-", "--no-same-owner", "-C", os.fspath(directory)],
                                      stdin=self._parcel, check=False)
            if unpacked.returncode or answer["status"]:
                raise LabError("not all files of --get could be brought here")
        return answer["missing"]
