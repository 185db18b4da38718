# SPDX-License-Identifier: BSD-3-Clause
"""A guest whose p2m gives several pages one frame, as that of Linux 3.12 to 3.15 may: libxenguest saves and restores it."""

import contextlib
import os
import pathlib
import random
import signal
import subprocess
import time

import test_migrate
import test_suspend
from hostlib import command, installed, wait_until
from migrations import SEED, receiver, settle
from networks import pings

KILLS = 12
ADDRESS, OTHER_ADDRESS = "10.70.0.9", "10.70.0.10"
MAC = "00:16:3e:70:00:09"
WHY = "its p2m gives page 0x[0-9a-f]+ the frame of another page"


@contextlib.contextmanager
def urgently():
    """Before cosmos and what it starts, which would not let others have the CPU until they are done."""
    os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(2))
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def libxenguest_of(process):
    """The process that it has started for libxenguest, if there is one now."""
    for task in pathlib.Path(f"/proc/{process.pid}/task").glob("*"):
        with contextlib.suppress(OSError):
            for child in (task / "children").read_text().split():
                if pathlib.Path(f"/proc/{child}/comm").read_text() == "libxenguest-str\n":
                    return int(child)
    return None


def kill_libxenguest(process, over, after_s):
    """Kills what `process` has libxenguest do, soon after it has begun; returns whether that ended the command."""
    with urgently():
        while over.poll() is None:
            child = libxenguest_of(process)
            if child:
                time.sleep(after_s)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
                break
            time.sleep(0.002)
    return over.wait() != 0


def nobody_is_left():
    wait_until(lambda: command("pgrep", "--exact", "cosmos|libxenguest-str").status == 1, "none is left")


def created(test):
    guest = test.create_one("--wait", *test.patient, "memory=16", "extra='balloon=64'",
                            f"vif=['bridge=sw0,mac={MAC},ip={ADDRESS}/21']")
    test.answers(ADDRESS)
    return guest


def created_anew(test, guest):
    """Once it was restored, each of its pages has a frame of its own."""
    test.cosmos("destroy", guest)
    return created(test)


class Suspended(test_suspend.SuspendTest):
    def setUp(self):
        super().setUp()
        self.guest = created(self)

    def test_why_is_said_and_it_goes_on_where_it_was(self):
        said = self.cosmos("suspend", "-v", self.guest, self.image)
        self.assertRegex(said.err, f"domain {self.guest}: libxenguest saved its memory: {WHY}")
        self.assertIn("as libxenguest saved it", self.cosmos("image", self.image).out)
        self.assertEqual(self.state(self.guest), "gone")
        (guest,) = self.resume()
        self.comes_back(guest, "resumed", 1)
        self.answers(ADDRESS)
        self.assertEqual([(vif["mac"], vif["switch"]) for vif in self.vifs()], [(MAC, "sw0")])
        # Each page has a frame of its own now, so that it can be read.
        self.assertFalse(self.suspend(guest, "--force")["by_libxenguest"])

    def test_checkpoints_and_copies_of_one(self):
        for checkpoint in range(1, 4):
            self.assertTrue(self.suspend(self.guest, "--keep", "--force")["by_libxenguest"])
            wait_until(lambda: self.state(self.guest) in ("blocked", "running"), "it runs on")
            self.comes_back(self.guest, "suspend cancelled", checkpoint)
            self.answers(ADDRESS)
        self.cosmos("destroy", self.guest)
        self.assertEqual(len(self.resume("-n", "3")), 3)
        self.assertEqual(len({vif["mac"] for vif in self.vifs()}), 3)

    def test_killed_suspends_lose_nothing(self):
        """Also when only the process is killed in which libxenguest works."""
        chance = random.Random(SEED)
        print(f"(COSMOS_TEST_SEED={SEED}) ", end="", flush=True)
        start = time.monotonic()
        self.suspend(self.guest, "--keep", "--force")
        within = time.monotonic() - start
        killed = {"cosmos": 0, "libxenguest": 0}
        for turn in range(KILLS):
            self.guest = created_anew(self, self.guest)
            self.image.unlink(missing_ok=True)
            with subprocess.Popen(["cosmos", "suspend", str(self.guest), self.image], stderr=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL) as process:
                if turn % 2:
                    time.sleep(chance.uniform(0, within))
                    process.kill()
                    killed["cosmos"] += process.wait() != 0
                else:
                    killed["libxenguest"] += kill_libxenguest(process, process, chance.uniform(0, within / 4))
            nobody_is_left()
            for partial in self.folder.glob(".*.partial"):
                partial.unlink()
            time.sleep(0.2)  # it may be about to answer
            if self.image.exists():
                self.cosmos("image", self.image)
                self.cosmos("destroy", self.guest, status=0 if self.guest in self.guests() else 3)
                self.cosmos("reap")
                (self.guest,) = self.resume()
            elif self.state(self.guest) == "suspend":
                self.cosmos("wake", self.guest)
            wait_until(lambda: pings([ADDRESS], 1, 2)[ADDRESS], "it answers")
        self.assertTrue(all(killed.values()), f"one was never killed at work: {killed}")

    def test_guest_that_keeps_what_is_not_its_own_runs_on(self):
        """Not read page by page, and not by libxenguest, which would leave out a table."""
        for words, says in ((["extra='suspend=mapped'"], "names memory that is not its own"),
                            (["memory=16", "extra='suspend=mapped balloon=64'"], "libxenguest: Bad mfn")):
            guest = self.create_one("--wait", *self.patient, *words, f"vif=['bridge=sw0,ip={OTHER_ADDRESS}/21']")
            self.answers(OTHER_ADDRESS)
            self.refused(1, "suspend", guest, self.image, says=says)
            self.answers(OTHER_ADDRESS)
            self.refused(1, "suspend", "--keep", guest, self.image, says=says)
            self.assertFalse(self.image.exists())
            self.answers(OTHER_ADDRESS)
            self.cosmos("destroy", guest)

    def test_full_disk(self):
        small = self.folder / "small"
        small.mkdir()
        self.assertEqual(command("mount", "-t", "tmpfs", "-o", "size=8m", "none", small).status, 0)
        self.addCleanup(command, "umount", small)
        self.refused(1, "suspend", self.guest, small / "guest.img", says="No space left on device")
        self.assertEqual(list(small.iterdir()), [])
        self.answers(ADDRESS)


class OfXl(test_suspend.SuspendTest):
    def test_guest_that_may_have_less_than_its_p2m_names(self):
        config = self.config("holly.cfg", name="holly", type="pv", kernel=installed("guest.elf"), memory=16,
                             vif=[f"bridge=sw0,mac={MAC},script={installed('hotplug/vif-cosmos')}"],
                             extra=f"ip={ADDRESS}/21 balloon=1024")
        self.xl("create", "-e", config)
        self.destroy_at_end()
        guest = int(self.xl("domid", "holly").out)
        self.answers(ADDRESS)
        self.xl("mem-set", guest, 12)
        self.assertLess(self.guests()[guest]["max_memory_kib"], 14 << 10)
        self.assertTrue(self.suspend(guest)["by_libxenguest"])
        (guest,) = self.resume()
        self.answers(ADDRESS)
        self.assertEqual(self.guests()[guest]["memory_kib"], 16 << 10)


class Migrated(test_migrate.MigrateTest):
    def test_why_is_said_and_it_goes_on_there(self):
        self.stand()
        guest = created(self)
        self.destroy_at_end()
        said = self.cosmos("migrate", "--stats", guest, self.here)
        self.assertRegex(said.err, f"domain {guest}: libxenguest saves it, while it stands still: {WHY}")
        self.assertRegex(said.out, r"downtime \d+\.\d ms, \d+ bytes in 1 round\n")
        self.assertEqual(self.state(guest), "gone")
        self.is_alone_and_answers()

    def test_killed_on_either_side_one_is_left(self):
        """By turns the source, the receiver, and the process in which libxenguest works, on one side or the other."""
        chance = random.Random(SEED)
        print(f"(COSMOS_TEST_SEED={SEED}) ", end="", flush=True)
        guest = created(self)
        with receiver(self.here, *self.patient):
            start = time.monotonic()
            self.cosmos("migrate", guest, self.here)
            within = time.monotonic() - start
        guest = self.is_alone_and_answers()
        killed = dict.fromkeys(("source", "receiver", "save", "restore"), 0)
        for turn in range(KILLS):
            guest = created_anew(self, guest)
            with receiver(self.here, *self.patient) as standing:
                with subprocess.Popen(["cosmos", "migrate", str(guest), self.here], stderr=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL) as process:
                    who = list(killed)[turn % len(killed)]
                    if who in ("save", "restore"):
                        killed[who] += kill_libxenguest(process if who == "save" else standing, process,
                                                        chance.uniform(0, within / 4))
                    else:
                        time.sleep(chance.uniform(0, within / 2))
                        (process if who == "source" else standing).kill()
                        killed[who] += process.wait() != 0
                time.sleep(0.5)  # the guest may be about to answer, the receiver to give up
            nobody_is_left()
            self.cosmos("reap")
            if self.state(guest) == "in-doubt":
                with receiver(self.here, *self.patient):
                    settle(guest, self.here)
            elif self.state(guest) == "suspend":
                self.cosmos("wake", guest)
            for there in self.guests():
                if self.state(there) == "paused":
                    self.cosmos("unpause", there)
            guest = self.is_alone_and_answers()
        self.assertTrue(all(killed.values()), f"one was never killed at work: {killed}")
