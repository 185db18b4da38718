# SPDX-License-Identifier: BSD-3-Clause
"""Speaks with dom0's agent: sends files, runs a command, brings files back."""

import json
import os
import subprocess
import sys

from . import places
from .errors import LabError

sys.path.insert(0, str(places.DOM0))
import frames  # noqa: E402


class Session:
    """The conversation with one booted host."""

    def __init__(self, channel):
        self._port = channel.fileno()

    def wait_ready(self):
        self._expect(frames.READY)

    def _expect(self, *kinds):
        kind, payload = frames.receive(self._port)
        if kind not in kinds:
            raise LabError(f"dom0 answered {kind!r} where one of {kinds!r} was expected")
        return kind, payload

    def _send(self, kind, request):
        frames.send(self._port, kind, json.dumps(request).encode())

    def put(self, tar_arguments, directory):
        """Unpacks what tar packs with these arguments into dom0's directory."""
        (tar,) = places.find_programs("tar")
        self._send(frames.UNPACK, {"directory": directory})
        with subprocess.Popen([tar, "-cf", "-", *tar_arguments], stdout=subprocess.PIPE) as packer:
            while chunk := packer.stdout.read(frames.CHUNK_BYTES):
                frames.send(self._port, frames.DATA, chunk)
        frames.send(self._port, frames.DATA)
        _, answer = self._expect(frames.DONE)
        if packer.returncode or json.loads(answer)["status"]:
            raise LabError(f"cannot copy into {directory} of dom0; is there room (--dom0-memory)?")

    def run(self, argv, environment, extra=None):
        """Runs argv in dom0, passes on what it prints, returns its exit status."""
        self._send(frames.RUN, {"command": argv, "terminal": False, "environment": environment, **(extra or {})})
        while True:
            kind, payload = self._expect(frames.OUT, frames.ERR, frames.EXIT)
            if kind == frames.EXIT:
                return json.loads(payload)["status"]
            frames.write_all(1 if kind == frames.OUT else 2, payload)

    def get(self, paths, directory):
        """Brings paths of dom0 into our directory by their base names; returns those that are not there."""
        (tar,) = places.find_programs("tar")
        self._send(frames.FETCH, {"paths": paths})
        unpacker = None
        try:
            while chunk := self._expect(frames.DATA)[1]:
                unpacker = unpacker or subprocess.Popen(
                    [tar, "-xf", "-", "--no-same-owner", "-C", os.fspath(directory)], stdin=subprocess.PIPE)
                unpacker.stdin.write(chunk)
        finally:
            if unpacker:
                unpacker.stdin.close()
                unpacker.wait()
        if unpacker and unpacker.returncode:
            raise LabError("cannot write the files of --get here")
        return json.loads(self._expect(frames.DONE)[1])["missing"]
