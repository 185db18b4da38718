# SPDX-License-Identifier: BSD-3-Clause
"""The few words of QEMU's monitor protocol (QMP) that saving and restoring a host needs."""

import json
import time

from .errors import LabError


class Monitor:
    """One conversation with QEMU over a connected socket."""

    def __init__(self, channel):
        self._stream = channel.makefile("rw", encoding="utf-8")
        if not self._stream.readline():  # the greeting
            raise EOFError("QEMU is gone")
        self.execute("qmp_capabilities")
        # The host's memory is a file of its own and need not go through the stream.
        self.execute("migrate-set-capabilities", capabilities=[{"capability": "x-ignore-shared", "state": True}])

    def execute(self, verb, **arguments):
        """Runs one command and returns what it returns."""
        self._stream.write(json.dumps({"execute": verb, "arguments": arguments}) + "\n")
        self._stream.flush()
        while line := self._stream.readline():
            answer = json.loads(line)
            if "error" in answer:
                raise LabError(f"QEMU refused {verb}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]
        raise EOFError("QEMU is gone")

    def _wait(self):
        while (status := self.execute("query-migrate").get("status")) != "completed":
            if status in ("failed", "cancelled"):
                raise LabError("QEMU could not save or restore the host")
            time.sleep(0.01)

    def save(self, path):
        """Stops the host and writes the state of its devices to path."""
        self.execute("stop")
        self.execute("migrate", uri=f"exec:cat > '{path}'")
        self._wait()

    def restore(self, path):
        """Reads the state of the devices and lets the host run."""
        self.execute("migrate-incoming", uri=f"exec:cat '{path}'")
        self._wait()
        self.execute("cont")
