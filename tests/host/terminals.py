# SPDX-License-Identifier: BSD-3-Clause
"""A program on a pseudo-terminal, as a person has it before them."""

import os
import pty
import select
import subprocess
import termios
import time

from hostlib import PATIENCE_S

LEAVE = "\x1d"  # Ctrl-]


class Terminal:
    """Runs a command on a terminal of its own: reads what it shows, types into it."""

    def __init__(self, *words):
        self.ours, self.theirs = pty.openpty()
        self.settings = termios.tcgetattr(self.theirs)
        self.shown = ""
        self.process = subprocess.Popen([str(word) for word in words], stdin=self.theirs, stdout=self.theirs,
                                        stderr=self.theirs, start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)

    def look(self, seconds):
        """Takes in what is shown within some seconds; at most one piece."""
        if select.select([self.ours], [], [], max(0, seconds))[0]:
            self.shown += os.read(self.ours, 65536).decode(errors="replace").replace("\r\n", "\n")

    def expect(self, text, limit=PATIENCE_S):
        """Waits until the text is shown, and returns all that was shown up to its end."""
        end = time.monotonic() + limit
        while text not in self.shown:
            if time.monotonic() > end:
                raise AssertionError(f"{text!r} was not shown in {limit} s, but: {self.shown!r}")
            self.look(end - time.monotonic())
        head, _, self.shown = self.shown.partition(text)
        return head + text

    def type(self, text):
        os.write(self.ours, text.encode())

    def end(self, limit=PATIENCE_S):
        """Waits until the command ends; returns its exit status."""
        stop = time.monotonic() + limit
        while self.process.poll() is None:
            if time.monotonic() > stop:
                raise AssertionError(f"it did not end in {limit} s; it shows: {self.shown!r}")
            self.look(0.1)
        return self.process.returncode

    def is_as_before(self):
        """Whether the terminal's settings are those from before the command."""
        return termios.tcgetattr(self.theirs) == self.settings
