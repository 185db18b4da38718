# SPDX-License-Identifier: BSD-3-Clause
"""cosmos suspend in trouble: disks, signals, guests that die, and others that suspend the same guest."""

import json
import os
import signal
import subprocess

from hostlib import command, wait_until
from networks import VifTest, pings
from syscalls import Steps, some_of

ADDRESSES = ("10.70.0.9", "10.70.0.10")
POINTS = 6


class Trouble(VifTest):
    def setUp(self):
        super().setUp()
        self.images = self.folder / "images"
        self.images.mkdir()

    def two(self):
        return [self.create_one("--wait", *self.patient, f"name={name}", f"vif=['bridge=sw0,ip={address}/21']")
                for name, address in zip(("one", "two"), ADDRESSES)]

    def mounted(self, options):
        self.assertEqual(command("mount", "-t", "tmpfs", "-o", options, "none", self.images).status, 0)
        self.addCleanup(command, "umount", self.images)

    def all_fail(self, says):
        """Suspends all to the directory: none is, each says why, all run on."""
        self.two()
        said = self.cosmos("suspend", *self.patient, "all", "--yes", self.images, status=1)
        self.assertEqual((said.out, said.err.count("\n"), said.err.count(says)), ("", 2, 2), said.err)
        self.assertEqual(list(self.images.iterdir()), [])
        self.answers(*ADDRESSES)

    def test_all_to_a_full_disk(self):
        self.mounted("size=64k")
        self.all_fail("No space left on device")

    def test_all_to_a_directory_that_cannot_be_written(self):
        self.mounted("ro")
        self.all_fail("Read-only file system")

    def whole_images(self):
        """Removes the images and returns how many there were; each was whole."""
        files = list(self.images.iterdir())
        for file in files:
            self.cosmos("image", file)
            file.unlink()
        return len(files)

    def test_signals_end_it_between_two_guests(self):
        words = ["cosmos", "suspend", *self.patient, "all", "--yes", self.images]
        self.two()
        steps = Steps(words).done
        self.assertEqual(self.whole_images(), 2)
        outcomes = set()
        for number, step in enumerate(some_of(steps, POINTS)):
            self.two()
            send = (signal.SIGINT, signal.SIGTERM)[number % 2]
            run = Steps(words, step, lambda process, send=send: os.kill(process, send))
            # One that took fewer steps than the first ended before that.
            left = self.guests()
            self.assertEqual(self.whole_images() + len(left), 2, f"{send} at {step}")
            for address in ADDRESSES[2 - len(left):]:
                wait_until(lambda address=address: pings([address], 1, 1)[address], f"{address} answers", 20)
            outcomes.add((run.status, len(left)))
            self.cosmos("destroy", "all", "--yes")
        # As a signal does that comes before the command looks out for it; in the first guest; in the last one.
        self.assertLessEqual(outcomes, {(-signal.SIGINT, 2), (-signal.SIGTERM, 2), (130, 2), (130, 1), (0, 0)})
        self.assertLessEqual({(130, 1), (0, 0)}, outcomes)

    def test_guest_that_is_destroyed_meanwhile(self):
        path = self.images / "guest.img"
        words = ["cosmos", "suspend", *self.patient]
        steps = Steps([*words, self.create_one(), path]).done
        self.assertEqual(self.whole_images(), 1)
        outcomes = set()
        for step in some_of(steps, 2 * POINTS):
            guest = self.create_one()
            run = Steps([*words, guest, path], step, lambda _, guest=guest: command("cosmos", "destroy", guest))
            self.assertEqual(self.guests(), {}, f"destroyed at {step}")
            self.cosmos("reap")  # it may have been asked to suspend after its record was removed
            outcomes.add((run.status, self.whole_images()))
        # No image is left of one that died too early, and no error where all of it was in the image.
        self.assertLessEqual(outcomes, {(1, 0), (3, 0), (0, 1)})
        self.assertGreater(len(outcomes), 1)

    def test_two_at_once(self):
        for _ in range(POINTS):
            guest = self.create_one()
            both = [subprocess.Popen(["cosmos", "suspend", *self.patient, str(guest), self.images / name],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for name in ("a", "b")]
            errors = [process.communicate()[1] for process in both]
            self.assertEqual(sorted(process.returncode == 0 for process in both), [False, True], errors)
            self.assertRegex("".join(errors), "about to suspend it|no such guest|destroyed")
            self.assertEqual(self.whole_images(), 1)
            self.assertEqual(json.loads(self.cosmos("list", "--json").out), [])
