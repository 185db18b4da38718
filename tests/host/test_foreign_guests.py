# SPDX-License-Identifier: BSD-3-Clause
"""Guests that others wrote: GRUB and Debian's Linux, as packaged."""

import pathlib
import unittest

import debian
import initramfs
from hostlib import HostTest, wait_until
from networks import VifTest, pings
from terminals import LEAVE, Terminal

GRUB = pathlib.Path("/usr/lib/grub-xen/grub-x86_64-xen.bin")
LINUX_BOOT_S = 240  # unpacking alone takes half a minute where every instruction is emulated


def debian_kernel():
    kernels = sorted(pathlib.Path("/boot").glob("vmlinuz-*"))
    if not kernels:
        raise unittest.SkipTest("there is no /boot/vmlinuz-*")
    return kernels[-1]


class Grub(HostTest):
    def setUp(self):
        super().setUp()
        if not GRUB.exists():
            self.skipTest(f"there is no {GRUB}; it is in Debian's grub-xen-bin")

    def started(self):
        """The id of a GRUB at its prompt, where it spins."""
        guest = self.create_one(config=self.config(name="grub", kernel=GRUB, memory=32))
        with Terminal("cosmos", "console", guest) as terminal:
            terminal.expect("grub>")
            terminal.type(LEAVE)
        return guest

    def test_reaches_its_prompt_and_is_destroyed(self):
        guest = self.started()
        self.cosmos("destroy", guest)
        self.assertEqual(self.guests(), {})

    def test_does_not_answer_a_shutdown_and_runs_on(self):
        guest = self.started()
        self.refused(1, "shutdown", "--wait", "--timeout", "2", guest, says=f"not ended within 2 s: domain {guest}")
        self.assertEqual(self.state(guest), "running")
        with Terminal("cosmos", "console", guest) as terminal:
            terminal.type("echo still here\r")
            terminal.expect("still here")
            terminal.expect("still here")


class Linux(HostTest):
    def runs(self, script, *settings):
        """Boots Debian's kernel with this script as /init, and returns id and console."""
        ramdisk = self.write("initramfs", initramfs.make(script))
        config = self.config(name="debian", kernel=debian_kernel(), ramdisk=ramdisk, memory=128,
                             extra="console=hvc0 quiet")
        guest = self.create_one(*settings, config=config)
        return guest, self.enterContext(Terminal("cosmos", "console", guest))

    def test_reaches_user_space_and_powers_off(self):
        guest, terminal = self.runs("echo user space of $(/bin/busybox uname -s)\n/bin/busybox poweroff -f")
        terminal.expect("user space of Linux", LINUX_BOOT_S)
        self.wait_for_state(guest, "poweroff")
        self.assertEqual(self.cosmos("reap").out, f"Collected domain {guest}: it had ended\n")

    def test_has_its_vcpus_and_memory(self):
        guest, terminal = self.runs("echo $(/bin/busybox nproc) CPUs\n/bin/busybox sleep 1000", "vcpus=2")
        terminal.expect("2 CPUs", LINUX_BOOT_S)
        self.assertEqual(self.guests()[guest]["vcpus"], 2)
        self.assertEqual(self.guests()[guest]["max_memory_kib"], 128 * 1024)
        self.cosmos("destroy", guest)
        self.assertEqual(self.guests(), {})


class LinuxOnSwitches(VifTest):
    """Debian's kernel, its network driver a module in the initramfs."""

    def config_with(self, *addresses, **settings):
        ramdisk = self.write("initramfs", initramfs.networked(*addresses))
        return self.config(name="debian", kernel=debian.kernel(), ramdisk=ramdisk, memory=160,
                           extra="console=hvc0 quiet", **settings)

    def answers_once_it_is_up(self, address):
        wait_until(lambda: pings([address], 1, 1)[address], f"{address} answers", debian.BOOT_S)
        self.answers(address)

    def test_gets_its_vifs_up_and_answers_pings(self):
        guest = self.create_one("--wait", "--timeout", debian.BOOT_S, limit=debian.BOOT_S,
                                config=self.config_with("10.70.0.50/21", "10.71.0.50/21",
                                                        vif=["bridge=sw0", "bridge=sw1"]))
        for address in ("10.70.0.50", "10.71.0.50"):
            self.answers_once_it_is_up(address)
        self.assertEqual([(vif["id"], vif["switch"], vif["state"]) for vif in self.vifs()],
                         [(guest, "sw0", "connected"), (guest, "sw1", "connected")])

    def test_finds_a_vif_that_comes_while_it_runs_and_lets_it_go(self):
        guest = self.create_one(*self.patient, config=self.config_with("10.70.0.50/21", "10.71.0.50/21",
                                                                       vif=["bridge=sw0"]))
        self.answers_once_it_is_up("10.70.0.50")
        self.cosmos("attach", guest, "--wait", *self.patient, "bridge=sw1")
        self.assertEqual([(vif["switch"], vif["state"]) for vif in self.vifs()], [("sw0", "connected"), ("sw1", "connected")])
        self.answers_once_it_is_up("10.71.0.50")
        self.cosmos("detach", guest, "1", *self.patient)
        self.assertEqual([vif["vif"] for vif in self.vifs()], [0])
        self.answers("10.70.0.50")
        self.cosmos("attach", guest, "--wait", *self.patient, "bridge=sw0")
        self.assertEqual([vif["vif"] for vif in self.vifs()], [0, 1])
        self.answers("10.70.0.50")
