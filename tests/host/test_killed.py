# SPDX-License-Identifier: BSD-3-Clause
"""cosmos killed at random moments: afterwards each domain is whole, or gone after a reap."""

import os
import random
import subprocess
import time

from hostlib import HostTest, Snapshot, command, guest_config, wait_until
from networks import VifTest

SEED = int(os.environ.get("COSMOS_TEST_SEED") or random.randrange(10**6))
CREATE_KILLS, DESTROY_KILLS, ROUND = 25, 15, 13


class KillTest(HostTest):
    """Commands that are killed, and the look at what they leave."""

    def setUp(self):
        super().setUp()
        self.clean = Snapshot()
        self.random = random.Random(f"{SEED} {self.id()}")
        print(f"(COSMOS_TEST_SEED={SEED}) ", end="", flush=True)

    def duration(self, *words):
        start = time.monotonic()
        self.cosmos(*words)
        return time.monotonic() - start

    def kill(self, words, within):
        """Starts cosmos, kills it at a random moment, and returns whether it was still at work (shown as a dot)."""
        with subprocess.Popen(["cosmos", *map(str, words)], stdout=subprocess.DEVNULL) as process:
            time.sleep(self.random.uniform(0, within))
            process.kill()
        print("." if process.returncode else "-", end="", flush=True)
        return process.returncode != 0

    def check_record(self, guest):
        self.assertIsNotNone(self.read_store(f"/local/domain/{guest}/control/shutdown"), f"the record of {guest}")

    def check_whole_or_gone(self):
        """After a reap every guest is whole: it has its record, runs, and obeys. Returns how many."""
        self.cosmos("reap")
        guests = self.guests()
        self.assertEqual([guest for guest in guests.values() if guest["unfinished"]], [])
        for guest in guests:
            self.check_record(guest)
        if guests:
            self.cosmos("unpause", *guests)
            ended = self.cosmos("shutdown", "--wait", *guests).out
            self.assertEqual(ended.count("ended: poweroff"), len(guests), ended)
        self.check_nothing_left()
        return len(guests)

    def check_nothing_left(self):
        try:
            wait_until(lambda: not self.clean.leftovers(), "nothing is left", 10)
        except AssertionError:
            self.fail("left behind:\n  " + "\n  ".join(self.clean.leftovers()))

    def kill_creations(self, *words):
        """Kills a creation again and again; every few times everything is looked at."""
        within = self.duration("create", *words)
        whole, cut_short = self.check_whole_or_gone(), 0
        for number in range(1, CREATE_KILLS + 1):
            cut_short += self.kill(("create", *words), 1.1 * within)
            if number % ROUND == 0:
                whole += self.check_whole_or_gone()
        whole += self.check_whole_or_gone()
        self.assertGreater(cut_short, 0, "it was never killed at work")
        self.assertGreater(whole, 0)


class Killed(KillTest):
    def test_create_of_one_running(self):
        self.kill_creations("-q", guest_config())

    def test_create_of_a_paused_batch(self):
        self.kill_creations("-q", "-p", "-n", "3", guest_config())

    def test_destroy(self):
        cut_short = 0
        within = None
        for _ in range(DESTROY_KILLS):
            guests = self.create("-n", "3", "-q", "-p")
            if within is None:
                within = self.duration("destroy", *guests)
                continue
            cut_short += self.kill(("destroy", *guests), 0.7 * within)
        self.check_whole_or_gone()
        self.assertGreater(cut_short, 0, "it was never killed at work")

    def test_shutdown_wait(self):
        guest = self.create_one("-p")
        with subprocess.Popen(["cosmos", "shutdown", "--wait", str(guest)], stdout=subprocess.DEVNULL) as waiting:
            wait_until(lambda: self.read_store(f"/local/domain/{guest}/control/shutdown") == "poweroff", "it is asked")
            waiting.kill()
        self.cosmos("unpause", guest)
        self.wait_for_state(guest, "poweroff")
        self.assertEqual(self.cosmos("reap").out, f"Collected domain {guest}: it had ended\n")


class KilledWithVif(VifTest, KillTest):
    def setUp(self):
        super().setUp()
        self.clean = Snapshot()  # with the switches

    def check_record(self, guest):
        super().check_record(guest)
        self.assertIsNotNone(self.read_store(f"/local/domain/0/backend/vif/{guest}/0/state"), f"the backend of {guest}")
        (vif,) = (vif for vif in self.vifs() if vif["id"] == guest)
        self.assertIn(vif["switch"], self.networks, vif)

    def check_nothing_left(self):
        # netback may note something after the first reap, of a vif whose record that one removed.
        wait_until(lambda: not self.cosmos("reap").out and not self.clean.leftovers(), "nothing is left", 10)
        super().check_nothing_left()

    def test_create(self):
        self.kill_creations("-q", *self.patient, self.config_path)

    def test_create_that_waits_for_a_batch(self):
        self.kill_creations("-q", "-n", "3", "--wait", *self.patient, self.config_path)

    def test_attach_and_detach(self):
        guest = self.create_one("-p")
        within = self.duration("attach", guest, *self.patient)
        cut_short = 0
        for _ in range(8):
            cut_short += self.kill(("detach", guest, "0", "--force"), within)
            for vif in self.vifs():
                self.take(guest, vif["vif"])
            cut_short += self.kill(("attach", guest, *self.patient), within)
            for vif in self.vifs():
                if vif["vif"] != 0:
                    self.take(guest, vif["vif"])
        self.assertGreater(cut_short, 0, "it was never killed at work")
        self.cosmos("destroy", guest)
        self.check_nothing_left()

    def take(self, guest, vif):
        """Takes a vif away, unless the store's daemon was still about to, for the process that was killed."""
        taken = command("cosmos", "detach", guest, vif, "--force")
        if taken.status:
            self.assertIn("it has none of this number", taken.err)


class Orphans(HostTest):
    def test_reap_collects_what_the_kernel_wrote_of_a_vif_of_nobody(self):
        for path in ("backend/vif/32000/0/feature-sg", "error/backend/vif/32001/0/error"):
            command("xenstore-write", f"/local/domain/0/{path}", "1")
        self.assertEqual(self.cosmos("reap").out, "Collected domain 32000: only its record in XenStore was left\n"
                                                  "Collected domain 32001: only its record in XenStore was left\n")
        self.assertEqual(self.cosmos("reap").out, "")
