# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of the lab share: running it, looking at its processes, and counting what passed."""

import pathlib
import subprocess
import sys
import unittest

LAB = pathlib.Path(__file__).resolve().parents[2] / "lab"
XENLAB = str(LAB / "xenlab")
sys.path.insert(0, str(LAB))


def xenlab(*arguments, folder=None, limit=300):
    return subprocess.run([XENLAB, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          cwd=folder, timeout=limit, check=False)


def children(parent):
    """The process ids of parent's children."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(stat.parent.name))
    return found


def alive(process):
    """Whether a process runs; one that is dead and not collected yet does not."""
    try:
        return pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def main():
    """Runs the tests of the program, and ends it with their sum as its last line."""
    result = unittest.main(exit=False, verbosity=2).result
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed - len(result.skipped)} passed, {failed} failed", flush=True)
    sys.exit(failed > 0)
