# SPDX-License-Identifier: BSD-3-Clause
"""What tests of migrations share: a standing receiver, and where a guest is after one that was cut short."""

import contextlib
import json
import os
import pathlib
import random
import select
import subprocess

from hostlib import PATIENCE_S, command

HERE = pathlib.Path(__file__).resolve().parent
CUTTER = HERE / "cutter.py"
SEED = int(os.environ.get("COSMOS_TEST_SEED") or random.randrange(10**6))


@contextlib.contextmanager
def receiver(*words):
    """A standing receiver on this host, which ends by a signal; gives its process."""
    with subprocess.Popen(["cosmos", "receive", "--listen", *map(str, words)], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True) as process:
        if not select.select([process.stderr], [], [], PATIENCE_S)[0]:
            raise AssertionError("the receiver says nothing")
        said = process.stderr.readline()
        if not said.startswith("Waiting for guests"):
            process.kill()
            raise AssertionError(f"the receiver said {said}")
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(PATIENCE_S)


def cut_points(there, back):
    """So many bytes there, or back, after which a connection is to be cut: both ends closely, the middle at large."""
    points = [("CUTTER_THERE", cut) for cut in (0, 1, 40, 100, 300, there // 4, there // 2, there - 2000, there - 60,
                                                there - 25, there - 24, there - 12, there - 1)]
    return points + [("CUTTER_BACK", cut) for cut in (0, 10, 25, 40, 49, 60, 73, 74, back - 1)]


def migrate_through_cutter(guest, host="two", **settings):
    """Migrates a guest by the cutter; returns what cosmos said."""
    done = subprocess.run(["cosmos", "migrate", "--ssh", str(CUTTER), "--json", str(guest), host], capture_output=True, text=True,
                          timeout=2 * PATIENCE_S, check=False, env={**os.environ, **{key: str(value) for key, value in settings.items()}})
    return done


def settle(guest, *peer):
    """As an operator would: asks the other host, and if that does not have it lets it run on here."""
    asked = command("cosmos", "settle", guest, *peer)
    if asked.status == 0:
        return "there"
    if "does not have it" not in asked.err:
        raise AssertionError(f"settle: {asked}")
    here = command("cosmos", "settle", "--here", guest)
    if here.status:
        raise AssertionError(f"settle --here: {here}")
    return "here"


def migrated(said):
    (guest,) = json.loads(said.out if hasattr(said, "out") else said.stdout)
    return guest
