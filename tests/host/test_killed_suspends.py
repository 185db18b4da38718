# SPDX-License-Identifier: BSD-3-Clause
"""cosmos suspend and resume killed before each of their steps: the guest lives once, or is in a whole image."""

from hostlib import Snapshot, wait_until
from networks import VifTest, pings
from syscalls import Steps, some_of

ADDRESS = "10.70.0.9"
POINTS = 22  # at which each kind of command is killed, and a few more
TO_THE_DISK = ("fdatasync", "renameat2", "rename", "fsync")
TRIES = 5
QUICKLY_S = 1


class KilledAt(VifTest):
    def setUp(self):
        super().setUp()
        self.image = self.folder / "guest.img"
        self.destroy_at_end()

    def made(self, *settings):
        return self.create_one("--wait", *self.patient, *settings)

    def resumed(self, *options):
        made = self.cosmos("resume", "-q", *self.patient, *options, self.image)
        return int(made.out)

    def steps_of(self, *words):
        run = Steps(["cosmos", *words])
        self.assertEqual(run.status, 0, f"cosmos {words} under a tracer")
        return run.done

    def kill(self, step, *words):
        """Kills cosmos before that step; says whether it came so far."""
        run = Steps(["cosmos", *words], before=step)
        print("." if run.acted else "-", end="", flush=True)
        return run.acted

    def check_image(self):
        """Whether there is one; it is whole then."""
        for partial in self.folder.glob(".*.partial"):
            partial.unlink()
        if not self.image.exists():
            return False
        self.cosmos("image", self.image)
        return True

    def lives(self, guest):
        """Answers; one that stands suspended does so when it is woken. Returns whether that was needed."""
        woken = False
        for _ in range(TRIES):  # it may be about to suspend, as it was asked to
            if self.state(guest) == "suspend":
                self.cosmos("wake", guest)
                woken = True
            if pings([ADDRESS], 1, QUICKLY_S)[ADDRESS] and self.state(guest) in ("blocked", "running"):
                return woken
        self.fail(f"domain {guest} is {self.state(guest)}, and does not answer")


class Suspends(KilledAt):
    def after_kill(self, guest, prefers_image):
        """Exactly one of the two is there, or both with the guest suspended; returns the guest that goes on."""
        whole, state = self.check_image(), self.state(guest)
        if not whole:
            self.lives(guest)
            return guest, "guest"
        self.assertIn(state, ("suspend", "gone"), "an image and a guest that runs")
        both = state == "suspend" and self.has_record(guest)
        if both and not prefers_image:
            self.lives(guest)
            self.image.unlink()
            return guest, "both"
        if both:
            self.cosmos("destroy", guest)
        elif state == "suspend":
            self.refused(1, "wake", guest, says="'cosmos reap' collects it")
        self.cosmos("reap")
        self.assertEqual(self.guests(), {})
        guest = self.resumed()
        self.lives(guest)
        return guest, "both" if both else "image"

    def has_record(self, guest):
        return self.read_store(f"/local/domain/{guest}/control/shutdown") is not None

    def test_suspend(self):
        guest = self.made(f"vif=['bridge=sw0,ip={ADDRESS}/21']")
        words = ("suspend", "--force", *self.patient)
        steps = self.steps_of(*words, guest, self.image)
        guest = self.resumed("--wait")
        killed, outcomes = set(), set()
        for number, step in enumerate(some_of(steps, POINTS, TO_THE_DISK)):
            self.image.unlink(missing_ok=True)
            if self.kill(step, *words, guest, self.image):
                killed.add(step)
            guest, outcome = self.after_kill(guest, number % 2)
            outcomes.add(outcome)
        self.assertGreaterEqual(len(killed), 20)
        self.assertEqual(outcomes, {"guest", "both", "image"})

    def test_checkpoint(self):
        guest = self.made(f"vif=['bridge=sw0,ip={ADDRESS}/21']")
        words = ("suspend", "--keep", "--force", *self.patient, guest, self.image)
        steps = self.steps_of(*words)
        killed, outcomes = set(), set()
        for step in some_of(steps, POINTS, TO_THE_DISK):
            self.image.unlink(missing_ok=True)
            if self.kill(step, *words):
                killed.add(step)
            whole = self.check_image()
            outcomes.add((whole, self.lives(guest)))
        self.assertGreaterEqual(len(killed), 20)
        # No image, and it was never asked or stood suspended; a whole one, and the same two.
        self.assertEqual(outcomes, {(False, False), (False, True), (True, False), (True, True)})
        self.cosmos("destroy", guest)
        self.resumed("--wait")


class Resumes(KilledAt):
    def kill_resumes(self, points, *options):
        content = self.image.read_bytes()
        words = ("resume", "-q", *self.patient, *options, self.image)
        clean = Snapshot()
        steps = self.steps_of(*words)
        self.cosmos("destroy", "all", "--yes")
        killed, outcomes = set(), set()
        for step in some_of(steps, points):
            if self.kill(step, *words):
                killed.add(step)
            self.cosmos("reap")
            guests = self.guests()
            self.assertLessEqual(len(guests), 1)
            for guest, listed in guests.items():
                self.assertFalse(listed["unfinished"])
                self.is_whole(guest)
                self.cosmos("destroy", guest)
            outcomes.add(len(guests))
            wait_until(lambda: not (self.cosmos("reap").out or clean.leftovers()), f"nothing is left after {step}", 20)
        self.assertEqual(self.image.read_bytes(), content)
        self.assertGreaterEqual(len(killed), POINTS - 6)  # with vifs it does not go the same way each time
        self.assertEqual(outcomes, {0, 1})

    def is_whole(self, guest):
        self.lives(guest)

    def test_resume_with_vif(self):
        self.cosmos("suspend", self.made(f"vif=['bridge=sw0,ip={ADDRESS}/21']"), self.image)
        self.kill_resumes(POINTS)

    def test_resume_with_vif_that_is_waited_for(self):
        self.cosmos("suspend", self.made(f"vif=['bridge=sw0,ip={ADDRESS}/21']"), self.image)
        self.kill_resumes(POINTS, "--wait")


class ResumesWithoutVif(Resumes):
    test_resume_with_vif = test_resume_with_vif_that_is_waited_for = None

    def is_whole(self, guest):
        self.wait_for_state(guest, "blocked", "running")
        self.assertEqual(self.cosmos("suspend", "--keep", guest, self.folder / "again.img").err, "")
        (self.folder / "again.img").unlink()

    def test_resume(self):
        self.cosmos("suspend", self.made(), self.image)
        self.kill_resumes(POINTS)
