# SPDX-License-Identifier: BSD-3-Clause
"""The verbs of xenlab, and how each of them ends."""

import os
import secrets
import shutil
import signal
import sys
import tempfile
import time

from . import image, options as command_line, places, project, session, warm
from .errors import INTERRUPTED, LAB_FAILED, TERMINATED, TIMED_OUT, LabError


def say(text):
    print(text, file=sys.stderr, flush=True)


def end_on_signals():
    """Turns Ctrl-C, SIGTERM and the time limit into exceptions, so that the host is ended on the way out."""

    def handler(message, status):
        def handle(*_):
            raise LabError(message, status)
        return handle

    signal.signal(signal.SIGINT, handler("stopped with Ctrl-C", INTERRUPTED))
    signal.signal(signal.SIGTERM, handler("stopped with SIGTERM", TERMINATED))
    signal.signal(signal.SIGHUP, handler("the terminal is gone", TERMINATED))
    signal.signal(signal.SIGALRM, handler("the time limit was reached (--timeout)", TIMED_OUT))


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


def with_host(options, act):
    """Boots the host that the options describe, copies in what they name, and returns act(session)."""
    settings = command_line.settings(options)
    with tempfile.TemporaryDirectory(prefix="xenlab-") as staging:
        os.chmod(staging, 0o755)  # becomes the mode of dom0's /
        if not options.no_project:
            project.stage(options.build, staging)
        kernel = image.ensure(force=False, note=say)
        with warm.start(kernel, settings, options.cold, say) as host:
            if "timeout" in options:
                signal.alarm(options.timeout)
            talk = session.Session(host.agent)
            try:
                put_everything(talk, options, staging)
                return act(talk, clock_of(settings))
            except (EOFError, ConnectionError):
                raise LabError(f"{host.log_tail()}\nthe host ended by itself; the end of its log is above") from None


def run(options, command):
    def act(talk, clock):
        try:
            status = talk.run(command, {}, clock)
        finally:
            missing = talk.get(options.get, os.getcwd()) if options.get else []
        for path in missing:
            say(f"xenlab: --get {path}: not there in dom0")
        return status or (LAB_FAILED if missing else 0)

    return with_host(options, act)


def build(options, _):
    print(image.ensure(force=options.force, note=say).folder)
    return 0


def clean(*_):
    folder = places.cache()
    shutil.rmtree(folder)
    print(f"removed {folder}")
    return 0


VERBS = {"run": run, "build": build, "clean": clean}


def main(arguments):
    end_on_signals()
    try:
        options, command = command_line.parse(arguments)
        return VERBS[options.verb](options, command)
    except LabError as error:
        signal.alarm(0)
        say(f"xenlab: {error}")
        return error.status
    except BrokenPipeError:
        return 141
