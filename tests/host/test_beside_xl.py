# SPDX-License-Identifier: BSD-3-Clause
"""cosmos and xl on one host: each works on the other's guests, and neither is disturbed."""

import json
import subprocess

from hostlib import HostTest, installed, guest_config, wait_until


class XlOnOurs(HostTest):
    def row(self, guest):
        rows = [line.split() for line in self.xl("list").out.splitlines()[1:]]
        return next((row for row in rows if row[-5] == str(guest)), None)

    def test_lists_name_memory_and_state(self):
        guest = self.create_one("-p", "name=willow")
        self.assertEqual(self.row(guest)[:4] + [self.row(guest)[4].replace("-", "")], ["willow", str(guest), "4", "1", "p"])
        self.assertEqual(self.xl("domid", "willow").out, f"{guest}\n")
        self.assertEqual(self.xl("domname", guest).out, "willow\n")

    def test_pauses_and_unpauses(self):
        guest = self.create_one()
        self.wait_for_state(guest, "blocked")
        self.xl("pause", guest)
        self.assertEqual(self.state(guest), "paused")
        self.xl("unpause", guest)
        self.wait_for_state(guest, "blocked")
        self.cosmos("pause", guest)
        self.xl("unpause", guest)
        self.wait_for_state(guest, "blocked")

    def test_shuts_down_and_reboots(self):
        for verb, reason in (("shutdown", "poweroff"), ("reboot", "reboot")):
            guest = self.create_one()
            self.wait_for_state(guest, "blocked")
            self.xl(verb, guest)
            self.wait_for_state(guest, reason)

    def test_destroys(self):
        guest = self.create_one()
        self.xl("destroy", guest)
        self.assertNotIn(guest, self.guests())

    def test_destroys_one_without_console(self):
        guest = self.create_one("-p", "console='none'")
        self.xl("destroy", guest)
        self.assertNotIn(guest, self.guests())


class OursOnXl(HostTest):
    def made_by_xl(self, *options, **settings):
        """Lets xl create a guest of our kernel, and returns its id."""
        self.destroy_at_end()
        config = self.config(f"{settings['name']}.cfg", type="pv", kernel=installed("guest.elf"), memory=4, **settings)
        self.xl("create", *options, config)
        return int(self.xl("domid", settings["name"]).out)

    def test_lists_and_describes_it_as_foreign(self):
        guest = self.made_by_xl("-e", "-p", name="hazel")
        (known,) = json.loads(self.cosmos("list", "--names", "--json").out)
        self.assertEqual((known["id"], known["name"], known["state"], known["ours"]), (guest, "hazel", "paused", False))
        self.assertIn("another toolstack", self.cosmos("info", "--name", "hazel").out)

    def test_pauses_unpauses_and_shuts_down(self):
        guest = self.made_by_xl("-e", name="hazel")
        self.wait_for_state(guest, "blocked")
        self.cosmos("pause", guest)
        self.assertEqual(self.state(guest), "paused")
        self.cosmos("unpause", guest)
        self.wait_for_state(guest, "blocked")
        self.assertEqual(self.cosmos("shutdown", "--wait", guest).out, f"Domain {guest} ended: poweroff; preserved\n")
        self.assertEqual(self.cosmos("reap").out, "", "it is xl's to collect")
        self.assertEqual(self.state(guest), "poweroff")

    def test_destroys_it_without_a_trace(self):
        guest = self.made_by_xl("-e", name="hazel")
        self.cosmos("destroy", guest)
        self.assertEqual(self.guests(), {})

    def test_destroys_one_that_xl_watches(self):
        # Without -e a process of xl's stays with the guest; it ends when the guest does.
        guest = self.made_by_xl(name="hazel")
        self.cosmos("destroy", guest)
        self.assertEqual(self.guests(), {})

    def test_shutdown_of_one_that_xl_watches_leaves_it_to_xl(self):
        guest = self.made_by_xl(name="hazel")
        self.wait_for_state(guest, "blocked")
        self.cosmos("shutdown", "--wait", guest)
        wait_until(lambda: guest not in self.guests(), "xl collects it")


class AtOnce(HostTest):
    def test_both_create_and_destroy_at_the_same_time(self):
        self.destroy_at_end()
        config = self.config("rowan.cfg", name="rowan", type="pv", kernel=installed("guest.elf"), memory=4)
        with subprocess.Popen(["cosmos", "create", "-q", "-n", "20", str(guest_config())], stdout=subprocess.PIPE,
                              text=True) as batch:
            for _ in range(2):
                self.xl("create", "-e", config)
                theirs = self.xl("domid", "rowan").out.strip()
                self.assertIn(int(theirs), self.guests())
                self.xl("destroy", theirs)
            ours = [int(line) for line in batch.communicate(timeout=120)[0].split()]
        self.assertEqual(batch.returncode, 0)
        self.assertEqual(list(self.guests()), ours)
        self.assertEqual({guest["ours"] for guest in self.guests().values()}, {True})
        self.cosmos("shutdown", "--wait", "all", "--yes", limit=120)
