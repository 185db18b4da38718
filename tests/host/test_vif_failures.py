# SPDX-License-Identifier: BSD-3-Clause
"""What a vif needs and cannot have: an error that names it, in time, and no guest."""

import pathlib
import time
import unittest

import switches
from hostlib import command
from networks import VifTest

GRUB = pathlib.Path("/usr/lib/grub-xen/grub-x86_64-xen.bin")
TIMEOUT_S = 2
# What a failure may take beyond its time-out: starting, ending, and on a busy host both many times over.
UNDO_S = 10
SCRIPT_UNDO_S = 5  # how long "offline" may take


class Failing(VifTest):
    def fails_in_time(self, *words, says, within_s=TIMEOUT_S + UNDO_S):
        """A create that fails within its time and leaves no guest; --keep leaves it paused, with its vif."""
        create = ("create", "--timeout", TIMEOUT_S, *words)
        start = time.monotonic()
        line = self.refused(1, *create, says=says)
        self.assertLess(time.monotonic() - start, within_s, line)
        self.assertEqual(self.before.domains, set())
        self.assertEqual(self.guests(), {})
        self.assertEqual(command("xenstore-list", "/local/domain/0/backend/vif").out, "")

        self.destroy_at_end()
        self.assertIn("is left paused, to be looked at", self.refused(1, *create, "--keep", says=says))
        ((guest, told),) = self.guests().items()
        self.assertEqual((told["state"], told["unfinished"]), ("paused", False))
        self.assertEqual([vif["id"] for vif in self.vifs()], [guest])
        self.cosmos("destroy", guest)
        self.assertEqual(self.vifs(), [])
        return line

    def script(self, name, *lines):
        path = self.write(name, "\n".join(("#!/bin/sh", *lines)) + "\n")
        path.chmod(0o755)
        return path


class Missing(Failing):
    def test_a_bridge_or_a_script_that_is_missing(self):
        create = ("create", self.config_path)
        self.refused(1, *create, "vif=['bridge=nosuch']", says="no bridge 'nosuch'")
        self.refused(1, *create, "vif=['bridge=lo']", says="'lo' is no Linux bridge")
        self.refused(1, *create, "vif=['script=nosuch']", says="no hotplug script 'nosuch'")
        plain = self.write("plain", "#!/bin/sh\n")
        self.refused(1, *create, f"vif=['script={plain}']", says=f"{plain} is no file that can be run")
        self.assertEqual(self.guests(), {})

    def test_what_guests_of_a_batch_cannot_share(self):
        create = ("create", self.config_path, "-n", "2")
        self.refused(2, *create, "vif=['mac=00:16:3e:00:00:01']", says="cannot share the MAC address")
        self.refused(2, *create, "vif=['ip=10.70.0.9/21']", says="cannot share the address")

    def test_no_switch_at_all(self):
        for name in self.networks:
            self.cosmos("switch", "remove", name)
            self.addCleanup(self.cosmos, "switch", "add", name)
        self.refused(1, "create", self.config_path, says="this host has no switch")

    def test_a_switch_without_an_address_for_ip_auto(self):
        with switches.linux_bridge("bare0"):
            self.refused(1, "create", self.config_path, "vif=['bridge=bare0,ip=auto']",
                         says="the switch 'bare0' has no address")


class Scripts(Failing):
    def test_that_fails(self):
        script = self.script("fails", "[ $1 = offline ] && exit 0", "echo first >&2", "echo no such port >&2", "exit 3")
        self.fails_in_time(self.config_path, f"vif=['bridge=sw0,script={script}']",
                           says=f"the script {script} failed with exit status 3: no such port")

    def test_that_is_killed(self):
        script = self.script("killed", "[ $1 = offline ] && exit 0", "kill -SEGV $$")
        self.fails_in_time(self.config_path, f"vif=['bridge=sw0,script={script}']", says="was killed by signal 11")

    def test_that_hangs_with_all_its_children(self):
        script = self.script("hangs", "sleep 12345 &", "sleep 12345")
        self.fails_in_time(self.config_path, f"vif=['bridge=sw0,script={script}']",
                           says=f"the script {script} did not end within {TIMEOUT_S} s",
                           within_s=TIMEOUT_S + SCRIPT_UNDO_S + UNDO_S)
        self.assertEqual(command("pgrep", "-f", "sleep 12345").out, "")


class Backends(Failing):
    def test_without_a_driver(self):
        unloaded = command("modprobe", "-r", "xen-netback")
        if unloaded.status:
            raise unittest.SkipTest(f"xen-netback cannot be taken out here: {unloaded.err}")
        self.addCleanup(switches.done, "modprobe", "xen-netback")
        line = self.fails_in_time(self.config_path, says=f".0: its backend offered no interface within {TIMEOUT_S} s")
        self.assertIn("is the control domain's module xen-netback loaded?", line)

    def test_that_cannot_make_its_interface(self):
        self.destroy_at_end()
        last = self.create_one("-p", "vif=['bridge=sw0']")
        taken = [self.enterContext(switches.interface(f"vif{last + ahead}.0")) for ahead in (1, 2)]
        # The numbers are Linux's EEXIST and its words for it.
        for name in taken:
            line = self.refused(1, "create", "--timeout", TIMEOUT_S, self.config_path,
                                says=f"{name}: its backend offered no interface within {TIMEOUT_S} s: 17 ")
            self.assertIn("xenbus_dev_probe", line)
        self.assertEqual(list(self.guests()), [last])
        self.assertEqual(command("xenstore-list", "/local/domain/0/error/backend/vif").out, "")


class Frontends(Failing):
    """GRUB has no driver for vifs."""

    def setUp(self):
        if not GRUB.exists():
            self.skipTest(f"there is no {GRUB}")
        super().setUp()
        self.grub = self.config(name="grub", kernel=GRUB, memory=32, vif=["bridge=sw0"])

    def test_that_never_connects(self):
        self.fails_in_time("--wait", self.grub, says=f".0: the guest did not connect it within {TIMEOUT_S} s")

    def test_that_never_connects_and_need_not(self):
        self.create_one(*self.patient, config=self.grub)
        self.assertEqual([vif["state"] for vif in self.vifs()], ["waiting"])
