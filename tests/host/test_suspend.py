# SPDX-License-Identifier: BSD-3-Clause
"""cosmos suspend and resume: the guest goes on where it was, or runs, or is in a whole image; nothing else."""

import json
import pathlib
import random
import subprocess
import time

import debian
import initramfs
from hostlib import PATIENCE_S, command, installed, wait_until
from networks import VifTest, pings
from syscalls import Steps
from terminals import Terminal

GENERATIONS = 10
KILLS = 12
ADDRESS = "10.70.0.9"
MAC = "00:16:3e:70:00:09"


class SuspendTest(VifTest):
    def setUp(self):
        super().setUp()
        self.image = self.folder / "guest.img"

    def suspend(self, guest, *options, **how):
        how.setdefault("limit", 2 * PATIENCE_S)  # what it says of its own timeout is to be seen
        said = self.cosmos("suspend", "--json", *self.patient, *options, guest, self.image, **how)
        (result,) = json.loads(said.out)
        return result

    def resume(self, *options):
        self.destroy_at_end()
        made = self.cosmos("resume", "-q", "--wait", *self.patient, *options, self.image)
        return [int(line) for line in made.out.split()]

    def moved(self, guest):
        """Suspends and resumes it; returns its new id."""
        self.suspend(guest, "--force")
        self.assertEqual(self.state(guest), "gone")
        (now,) = self.resume()
        return now

    def comes_back(self, guest, how, times):
        with Terminal("cosmos", "console", guest) as terminal:
            terminal.expect(f"{how}, domain {guest}, {times} time")


class Ours(SuspendTest):
    def test_ten_generations_with_a_vif(self):
        guest = self.create_one("--wait", *self.patient, f"vif=['bridge=sw0,mac={MAC},ip={ADDRESS}/21']")
        self.answers(ADDRESS)
        for generation in range(1, GENERATIONS + 1):
            guest = self.moved(guest)
            self.comes_back(guest, "resumed", generation)
            self.answers(ADDRESS)
            self.assertEqual([(vif["mac"], vif["switch"]) for vif in self.vifs()], [(MAC, "sw0")])

    def test_ten_checkpoints_with_a_vif(self):
        guest = self.create_one("--wait", *self.patient, f"vif=['bridge=sw0,ip={ADDRESS}/21']")
        for checkpoint in range(1, GENERATIONS + 1):
            self.answers(ADDRESS)
            self.assertTrue(self.suspend(guest, "--keep", "--force")["kept"])
            wait_until(lambda: self.state(guest) in ("blocked", "running"), "it runs on")
            self.comes_back(guest, "suspend cancelled", checkpoint)
        self.answers(ADDRESS)
        self.cosmos("shutdown", "--wait", guest)

    def test_checkpoint_is_resumed_after_the_guest_is_gone(self):
        guest = self.create_one("--wait", *self.patient, f"vif=['bridge=sw0,ip={ADDRESS}/21']")
        self.suspend(guest, "--keep")
        self.answers(ADDRESS)
        self.cosmos("destroy", guest)
        self.resume()
        self.answers(ADDRESS)

    def test_many_copies_of_one_image(self):
        guest = self.create_one("--wait", *self.patient, "vif=['bridge=sw0,ip=auto']")
        self.suspend(guest)
        guests = self.resume("-n", "5")
        self.assertEqual(len(guests), 5)
        self.assertEqual(len({vif["mac"] for vif in self.vifs()}), 5)
        self.assertEqual({guest["state"] for guest in self.guests().values()} - {"blocked", "running"}, set())

    def test_guests_of_a_directory(self):
        guests = self.create("-n", "3")
        said = self.cosmos("suspend", "--json", *guests, self.folder)
        files = [pathlib.Path(one["file"]) for one in json.loads(said.out)]
        self.assertEqual([file.name for file in files], [f"guest-{guest}-{guest}.img" for guest in guests])
        self.assertEqual(self.guests(), {})
        self.cosmos("resume", *files)
        self.assertEqual(len(self.guests()), 3)

    def test_paused_after_resume(self):
        self.suspend(self.create_one())
        (guest,) = self.resume("-p")
        self.assertEqual(self.state(guest), "paused")

    def test_one_of_20_mib(self):
        guest = self.create_one("--wait", *self.patient, "memory=20", f"vif=['bridge=sw0,ip={ADDRESS}/21']")
        guest = self.moved(self.moved(guest))
        self.answers(ADDRESS)


class OfOthers(SuspendTest):
    def test_guest_that_xl_created(self):
        script = installed("hotplug/vif-cosmos")
        config = self.config("holly.cfg", name="holly", type="pv", kernel=installed("guest.elf"), memory=4,
                             vif=[f"bridge=sw0,mac={MAC},script={script}"], extra=f"ip={ADDRESS}/21")
        self.xl("create", "-e", config)
        self.destroy_at_end()
        guest = int(self.xl("domid", "holly").out)
        self.answers(ADDRESS)
        self.suspend(guest, "--keep")
        self.answers(ADDRESS)
        for generation in range(1, 4):
            guest = self.moved(guest)
            self.comes_back(guest, "resumed", generation)
            self.answers(ADDRESS)

    def test_debian_with_a_vif(self):
        ramdisk = self.write("initramfs", initramfs.networked(f"{ADDRESS}/21"))
        config = self.config(name="debian", kernel=debian.kernel(), ramdisk=ramdisk, memory=160,
                             extra="console=hvc0 quiet", vif=["bridge=sw0"])
        guest = self.create_one("--wait", "--timeout", debian.BOOT_S, limit=debian.BOOT_S, config=config)
        wait_until(lambda: pings([ADDRESS], 1, 1)[ADDRESS], f"{ADDRESS} answers", debian.BOOT_S)
        self.suspend(guest, "--keep", limit=debian.BOOT_S)
        wait_until(lambda: pings([ADDRESS], 1, 1)[ADDRESS], "it answers after a checkpoint", debian.BOOT_S)
        for _ in range(3):
            guest = self.moved(guest)
            wait_until(lambda: pings([ADDRESS], 1, 1)[ADDRESS], "it answers after a resume", debian.BOOT_S)


class Failures(SuspendTest):
    def test_guest_that_does_not_answer_runs_on(self):
        guest = self.create_one(config=self.config(name="grub", kernel="/usr/lib/grub-xen/grub-x86_64-xen.bin", memory=32))
        self.refused(1, "suspend", "--timeout", "2", guest, self.image, says="it did not answer within 2 s, and runs on")
        self.assertEqual(self.state(guest), "running")
        self.assertEqual(list(self.folder.glob("*.img*")), [])

    def test_full_disk(self):
        small = self.folder / "small"
        small.mkdir()
        self.assertEqual(command("mount", "-t", "tmpfs", "-o", "size=64k", "none", small).status, 0)
        self.addCleanup(command, "umount", small)
        guest = self.create_one("--wait", *self.patient, f"vif=['bridge=sw0,ip={ADDRESS}/21']")
        self.refused(1, "suspend", guest, small / "guest.img", says="No space left on device")
        self.assertEqual(list(small.iterdir()), [])
        self.answers(ADDRESS)
        self.suspend(guest)

    def test_hostile_images_leave_no_domain(self):
        self.suspend(self.create_one())
        whole = self.image.read_bytes()
        chance = random.Random(4)
        for _ in range(30):
            bad = bytearray(whole)
            if chance.random() < 0.5:
                del bad[chance.randrange(len(bad)):]
            else:
                bad[chance.randrange(len(bad))] ^= 1 << chance.randrange(8)
            self.image.write_bytes(bad)
            self.refused(1, "resume", self.image)
            self.assertEqual(self.guests(), {})

    def test_killed_suspends_lose_nothing(self):
        guest = self.create_one()
        start = time.monotonic()
        self.suspend(guest, "--keep")
        within = time.monotonic() - start
        for _ in range(KILLS):
            self.image.unlink(missing_ok=True)
            with subprocess.Popen(["cosmos", "suspend", str(guest), self.image], stdout=subprocess.DEVNULL) as process:
                time.sleep(random.uniform(0, within))
                process.kill()
            for partial in self.folder.glob(".*.partial"):
                partial.unlink()
            time.sleep(0.2)  # it may be about to answer
            if self.image.exists():
                self.cosmos("image", self.image)
                self.cosmos("destroy", guest, status=0 if guest in self.guests() else 3)
                self.cosmos("reap")
                (guest,) = self.resume()
            elif self.state(guest) == "suspend":
                self.cosmos("wake", guest)
            self.wait_for_state(guest, "blocked", "running")
        self.suspend(guest, "--keep", "--force")

    def test_guest_without_a_channel_answers_after_killed_suspends(self):
        guest = self.create_one("extra='suspend=store'")
        self.suspend(guest, "--keep")
        words = ("suspend", "--force", *self.patient, guest, self.image)
        steps = Steps(["cosmos", *words])
        self.assertEqual(steps.status, 0)
        (guest,) = self.resume()
        killed = 0
        for step in [step for step in steps.done if step[0] in ("poll", "ppoll")]:
            killed += Steps(["cosmos", *words[:-2], guest, self.image], before=step).acted
            if self.state(guest) == "suspend":
                self.cosmos("wake", guest)
            if guest not in self.guests():  # it came to its end with fewer steps
                (guest,) = self.resume()
            self.suspend(guest, "--keep", "--force")
        self.assertGreater(killed, 0)

    def test_killed_resumes_leave_what_reap_collects(self):
        self.suspend(self.create_one())
        for _ in range(KILLS):
            with subprocess.Popen(["cosmos", "resume", self.image], stdout=subprocess.DEVNULL) as process:
                time.sleep(random.uniform(0, 0.3))
                process.kill()
            self.cosmos("reap")
            for guest in self.guests():
                self.wait_for_state(guest, "blocked", "running")
                self.cosmos("destroy", guest)
        self.resume()
