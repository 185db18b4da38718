# SPDX-License-Identifier: BSD-3-Clause
"""What tests of two hosts share: commands on the other host, guests there, and proof that nothing is left on it."""

import atexit
import functools
import json
import pathlib
import shlex
import subprocess

from hostlib import PATIENCE_S, HostTest, command

OTHER = "two"
WATCHER = pathlib.Path(__file__).resolve().parent / "watcher"  # at the same place on both
MASTER = "/run/cosmos-test-ssh"


@functools.cache
def connection():
    """The ssh words that share one connection: each handshake would cost seconds of emulation."""
    opened = subprocess.run(["ssh", "-fNM", "-S", MASTER, OTHER], stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=PATIENCE_S, check=False)
    if opened.returncode == 0:
        atexit.register(command, "ssh", "-S", MASTER, "-O", "exit", OTHER)
    return ["ssh", "-S", MASTER, OTHER]


def there(*words, **how):
    """Runs a command on the other host, its words untouched by the shell there; returns what it said."""
    return command(*connection(), shlex.join(map(str, words)), **how)


class PairTest(HostTest):
    """A test that ends with nothing on either host that was not there when it began."""

    watching = False

    def setUp(self):
        super().setUp()
        if not PairTest.watching:
            self.said_there(WATCHER, "remember")
            PairTest.watching = True
        self.addCleanup(self._nothing_left_there)
        self._destroys_there_at_end = False

    def _nothing_left_there(self):
        left = there(WATCHER, "compare", limit=2 * PATIENCE_S)
        self.assertEqual(left.status, 0, f"left behind on host {OTHER}:\n{left.out}{left.err}")

    def said_there(self, *words, status=0, **how):
        """Runs a command on the other host, expects the exit status, and returns what it said."""
        result = there(*words, **how)
        self.assertEqual(result.status, status, f"on host {OTHER}: {' '.join(map(str, words))}: {result}")
        return result

    def cosmos_there(self, *words, **how):
        return self.said_there("cosmos", *words, **how)

    def create_there(self, config, *words):
        """Creates a guest on the other host and returns its id there."""
        if not self._destroys_there_at_end:
            self._destroys_there_at_end = True
            self.addCleanup(self.cosmos_there, "destroy", "all", "--yes")
        return int(self.cosmos_there("create", "-q", config, *words, limit=2 * PATIENCE_S).out)

    def vifs_there(self):
        return json.loads(self.cosmos_there("list", "--vifs", "--json").out)
