# SPDX-License-Identifier: BSD-3-Clause
"""Our terminal while a shell of dom0 has it: raw, and watched for changes of its size."""

import contextlib
import os
import signal
import termios
import tty


@contextlib.contextmanager
def raw():
    """Passes every key on, Ctrl-C too, until the end."""
    before = termios.tcgetattr(0)
    tty.setraw(0)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


def size():
    columns, rows = os.get_terminal_size(1)
    return {"rows": rows, "columns": columns}


@contextlib.contextmanager
def resized():
    """Gives a descriptor that becomes readable when the window has changed its size."""
    source, sink = os.pipe()
    os.set_blocking(sink, False)
    before = signal.signal(signal.SIGWINCH, lambda *_: None)
    signal.set_wakeup_fd(sink, warn_on_full_buffer=False)
    try:
        yield source
    finally:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGWINCH, before)
        os.close(source)
        os.close(sink)
