# SPDX-License-Identifier: BSD-3-Clause
"""The verbs of xenlab, and how each of them ends."""

import dataclasses
import os
import secrets
import shutil
import signal
import sys
import tempfile
import time

from . import accelerator, image, options as command_line, places, project, session, terminal, warm
from .errors import INTERRUPTED, LAB_FAILED, TERMINATED, TIMED_OUT, WRONG_USAGE, LabError

RESCUE_LIMIT_S = 15


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
        settings = dataclasses.replace(
            settings, accelerator=accelerator.choose(options.accel, settings.clock, kernel, settings))
        with warm.start(kernel, settings, options.cold, say) as host:
            if "timeout" in options:
                signal.alarm(options.timeout)
            talk = session.Session(host)
            try:
                put_everything(talk, options, staging)
                return act(talk, clock_of(settings))
            except (EOFError, ConnectionError):
                raise LabError(f"{host.log_tail()}\nthe host ended by itself; the end of its log is above") from None


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


def run(options, command):
    def act(talk, clock):
        try:
            status = talk.run(command, {}, clock)
        except LabError:
            if options.get:
                rescue(talk, options.get)
            raise
        signal.alarm(0)
        all_there = bring_back(talk, options.get)
        return status or (0 if all_there else LAB_FAILED)

    return with_host(options, act)


def shell(options, _):
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise LabError("a shell needs a terminal; for scripts use: xenlab run -- COMMAND", WRONG_USAGE)

    def act(talk, clock):
        say("xenlab: you are root in dom0 (files of --put are here; exit or Ctrl-D leaves and ends the host)")
        with terminal.raw():
            return talk.shell(["bash", "-i"], {"TERM": os.environ.get("TERM", "linux")}, clock)

    return with_host(options, act)


def build(options, _):
    print(image.ensure(force=options.force, note=say).folder)
    return 0


def clean(*_):
    folder = places.cache()
    shutil.rmtree(folder)
    print(f"removed {folder}")
    return 0


VERBS = {"run": run, "shell": shell, "build": build, "clean": clean}


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
