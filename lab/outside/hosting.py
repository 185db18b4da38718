# SPDX-License-Identifier: BSD-3-Clause
"""What every verb that boots hosts does around them: prepare, copy in, run the command, bring files back."""

import contextlib
import dataclasses
import os
import secrets
import signal
import sys
import tempfile
import time

from . import accelerator, image, options as command_line, project
from .errors import LAB_FAILED, LabError

RESCUE_LIMIT_S = 15


def say(text):
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def prepared(options):
    """Gives the image, the settings, and a folder with the installed project."""
    settings = command_line.settings(options)
    with tempfile.TemporaryDirectory(prefix="xenlab-") as staging:
        os.chmod(staging, 0o755)  # becomes the mode of dom0's /
        if not options.no_project:
            project.stage(options.build, staging)
        kernel = image.ensure(force=False, note=say)
        accel = accelerator.choose(options.accel, settings.clock, kernel, settings)
        yield kernel, dataclasses.replace(settings, accelerator=accel), staging


@contextlib.contextmanager
def deaths_told(hosts):
    """Turns the end of one of the {name: host} into an error that shows its log."""
    try:
        yield
    except (EOFError, ConnectionError):
        dead = [name for name, host in hosts.items() if host.is_gone()]
        if not dead:
            raise  # of our own output, for example
        logs = "\n".join(hosts[name].log_tail() for name in dead)
        raise LabError(f"{logs}\n{' and '.join(dead)} ended by itself; the end of its log is above") from None


def put_everything(talk, options, staging):
    if not options.no_project:
        talk.put(["-C", staging, "."], "/")
    names = [part for path in options.put
             for part in ("-C", str(path.resolve().parent), path.resolve().name)]
    if names:
        talk.put(names, "/tmp/work")


def clock_of(settings):
    """What sets dom0's clock and random numbers; the instruction clock keeps its own, to repeat exactly."""
    if settings.clock == "instructions":
        return {}
    return {"time": time.time(), "entropy": secrets.token_hex(32)}


def bring_back(talk, paths):
    """Brings the paths of --get here; returns whether all were there."""
    missing = talk.get(paths, os.getcwd()) if paths else []
    for path in missing:
        say(f"xenlab: --get {path}: not there in dom0")
    return not missing


def rescue(talk, paths):
    """Brings back what a command that was stopped has left, if dom0 still answers."""
    def give_up(*_):
        raise LabError("dom0 does not answer, so nothing of --get came back")

    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(RESCUE_LIMIT_S)
    try:
        talk.kill()
        bring_back(talk, paths)
    except LabError as error:
        say(f"xenlab: {error}")


def run_command(talk, options, command, clock):
    """Runs the command to its end, brings back the files of --get, and returns the lab's exit status."""
    try:
        status = talk.run(command, {}, clock)
    except LabError:
        if options.get:
            rescue(talk, options.get)
        raise
    signal.alarm(0)
    all_there = bring_back(talk, options.get)
    return status or (0 if all_there else LAB_FAILED)
