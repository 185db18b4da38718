# SPDX-License-Identifier: BSD-3-Clause
"""Runs the programs that make an image, and sees that none of them survives us or harms our caller."""

import ctypes
import os
import pathlib
import signal
import subprocess

from .errors import LabError

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


def die_with_parent():
    """Runs in a child: it gets SIGKILL when the lab ends, however it ends, and no Ctrl-C of its own."""
    os.setsid()
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def step(command, log, env=None, stdout=None):
    """Runs one program to its end; when it fails, shows the end of the log.

    It has a process group of its own: mmdebstrap, when it fails, signals its whole group.
    """
    with subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=stdout or log,
                          stderr=log, env=env, preexec_fn=die_with_parent) as process:
        try:
            process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode:
        log.flush()
        tail = "\n".join(pathlib.Path(log.name).read_text(errors="replace").splitlines()[-15:])
        raise LabError(f"{tail}\n{command[0]} failed while the image was built (see above)")
