# SPDX-License-Identifier: BSD-3-Clause
"""The verbs of xenlab, and how each of them ends."""

import os
import shutil
import signal
import sys

from . import hosting, image, options as command_line, pair, places, session, terminal, warm
from .errors import INTERRUPTED, TERMINATED, TIMED_OUT, WRONG_USAGE, LabError
from .hosting import say


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


def with_host(options, act):
    """Boots the host that the options describe, copies in what they name, and returns act(session, clock)."""
    with hosting.prepared(options) as (kernel, settings, staging), \
            warm.start(kernel, settings, options.cold, say) as host, hosting.deaths_told({"the host": host}):
        if "timeout" in options:
            signal.alarm(options.timeout)
        talk = session.Session(host)
        hosting.put_everything(talk, options, staging)
        return act(talk, hosting.clock_of(settings))


def run(options, command):
    return with_host(options, lambda talk, clock: hosting.run_command(talk, options, command, clock))


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


VERBS = {"run": run, "pair": pair.run, "shell": shell, "build": build, "clean": clean}


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
