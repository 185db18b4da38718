# SPDX-License-Identifier: BSD-3-Clause
"""Guests with vifs: what is asked of the store daemon, switches, attach and detach, and what cannot be had."""

import json
import os
import pathlib
import signal
import subprocess

import storetrace
from hostlib import HostTest, command, installed, wait_until

MOST_WRITES = 17
MOST_REQUESTS = 25


def interfaces():
    return {path.name for path in pathlib.Path("/sys/class/net").iterdir()}


class VifTest(HostTest):
    """Two switches are there for the test, and no interface is left after it."""

    networks = {"sw0": "10.70.0.1/21", "sw1": "10.71.0.1/21"}

    def setUp(self):
        super().setUp()
        before = interfaces()
        self.addCleanup(lambda: wait_until(lambda: interfaces() <= before, f"left behind: {interfaces() - before}"))
        for name, address in self.networks.items():
            self.cosmos("switch", "add", name, "--address", address)
            self.addCleanup(self.remove_switch, name)
        self.config_path = installed("clickos-configs/ping.cfg")

    def remove_switch(self, name):
        """Once the kernel has taken the last vif out."""
        wait_until(lambda: command("cosmos", "switch", "remove", name).status == 0, f"{name} cannot be removed")

    def vifs(self):
        return json.loads(self.cosmos("list", "--vifs", "--json").out)

    def answers(self, address, count=5):
        said = command("ping", "-n", "-c", count, "-i", "0.02", "-W", "10", address.split("/")[0])
        self.assertIn(f"{count} packets transmitted, {count} received", said.out)


class Asked(VifTest):
    def test_create_with_a_vif_asks_for_the_record_and_no_more(self):
        start = storetrace.position()
        self.destroy_at_end()
        printed = self.cosmos("create", "-q", "-p", self.config_path, "vif=['bridge=sw0']").out
        requests = storetrace.requests_since(start)
        guest = printed.strip()
        home, front = f"/local/domain/{guest}", f"/local/domain/{guest}/device/vif/0"
        back = f"/local/domain/0/backend/vif/{guest}/0"
        kinds = {}
        for request in requests:
            kinds.setdefault(request.type, []).append(request.path)
        self.assertEqual(kinds, {
            "write": [f"{home}/name", f"{home}/control/shutdown", f"{home}/console/port", f"{home}/console/ring-ref",
                      *(f"{front}/{node}" for node in ("backend", "backend-id", "mac", "state")),
                      *(f"{back}/{node}" for node in ("frontend", "frontend-id", "online", "handle", "mac", "script",
                                                      "hotplug-status", "state"))],
            "mkdir": [f"{home}/data"],
            "setperms": [home, f"{home}/control/shutdown", f"{home}/data", front, back],
            "introduce": [guest]})
        self.assertLessEqual(len(kinds["write"]), MOST_WRITES)
        self.assertLessEqual(len(requests), MOST_REQUESTS)

    def test_an_address_by_the_switch_costs_one_write(self):
        start = storetrace.position()
        self.destroy_at_end()
        self.cosmos("create", "-q", "-p", self.config_path)
        requests = storetrace.requests_since(start)
        self.assertLessEqual(len([request for request in requests if request.type == "write"]), MOST_WRITES)
        self.assertLessEqual(len(requests), MOST_REQUESTS)


class Switches(VifTest):
    def test_guests_are_spread_and_each_answers_at_an_address_of_its_own(self):
        self.create("-n", "4", "--wait", "--timeout", "60", config=self.config_path)
        vifs = self.vifs()
        self.assertEqual(sorted(vif["switch"] for vif in vifs), ["sw0", "sw0", "sw1", "sw1"])
        self.assertEqual(len({vif["ip"] for vif in vifs}), 4)
        self.assertEqual(len({vif["mac"] for vif in vifs}), 4)
        for vif in vifs:
            self.assertTrue(vif["ip"].startswith({"sw0": "10.70.", "sw1": "10.71."}[vif["switch"]]), vif)
            self.assertEqual(vif["state"], "connected")
            self.answers(vif["ip"])

    def test_are_what_is_marked_and_refuse_what_is_wrong(self):
        self.assertEqual([(one["number"], one["name"], one["address"])
                          for one in json.loads(self.cosmos("switch", "list", "--json").out)],
                         [(0, "sw0", "10.70.0.1/21"), (1, "sw1", "10.71.0.1/21")])
        self.refused(1, "switch", "add", "sw0", says="it is one already")
        self.refused(2, "switch", "add", "a-name-that-is-too-long", says="1 to 15 characters")
        self.refused(2, "switch", "add", "sw2", "--address", "10.0.0.1", says="--address")
        self.refused(1, "switch", "add", "sw2", "--uplink", "nosuch", says="there is no interface 'nosuch'")
        self.refused(1, "switch", "add", "lo", says="no Linux bridge")
        self.refused(1, "switch", "remove", "nosuch", says="no switch is named 'nosuch'")
        self.assertNotIn("sw2", interfaces())
        self.create_one("-p", "vif=['bridge=sw0']", config=self.config_path)
        self.refused(1, "switch", "remove", "sw0", says="plugged into it")


class Attach(VifTest):
    def test_a_vif_of_a_running_guest_goes_and_its_guest_stays(self):
        guest = self.create_one("--wait", "--timeout", "60", config=self.config_path)
        self.answers(self.vifs()[0]["ip"])
        self.cosmos("detach", guest, "0", "--timeout", "60")
        self.assertEqual(self.vifs(), [])
        self.refused(1, "detach", guest, "0", says="it has none of this number")
        self.assertEqual(self.state(guest), "blocked")

    def test_a_vif_more_is_on_its_switch_when_attach_returns(self):
        guest = self.create_one("-p", config=self.config_path)
        said = self.cosmos("attach", guest, "bridge=sw1,ip=auto", "--timeout", "60").out
        self.assertEqual(said, f"Attached vif 1 to domain {guest}\n")
        (_, second) = self.vifs()
        self.assertEqual((second["vif"], second["switch"]), (1, "sw1"))
        self.assertTrue(second["ip"].startswith("10.71."), second)
        self.cosmos("detach", guest, "1")
        self.assertEqual(len(self.vifs()), 1)


class Refused(VifTest):
    def test_what_is_missing_leaves_nothing(self):
        create = ("create", self.config_path)
        self.refused(1, *create, "vif=['bridge=nosuch']", says="no bridge 'nosuch'")
        self.refused(1, *create, "vif=['bridge=lo']", says="'lo' is no Linux bridge")
        self.refused(1, *create, "vif=['script=nosuch']", says="no hotplug script 'nosuch'")
        self.refused(2, *create, "-n", "2", "vif=['mac=00:16:3e:00:00:01']", says="cannot share the MAC address")
        self.refused(2, *create, "-n", "2", "vif=['ip=10.70.0.9/21']", says="cannot share the address")

    def test_a_script_that_fails_or_hangs(self):
        fails = self.write("fails", "#!/bin/sh\n[ $1 = offline ] || echo no such port >&2\nexit 3\n")
        hangs = self.write("hangs", "#!/bin/sh\n[ $1 = offline ] || sleep 1000\n")
        for script in (fails, hangs):
            script.chmod(0o755)
        self.refused(1, "create", self.config_path, f"vif=['bridge=sw0,script={fails}']",
                     says="failed with exit status 3: no such port")
        self.refused(1, "create", "--timeout", "2", self.config_path, f"vif=['bridge=sw0,script={hangs}']",
                     says="did not end within 2 s")
        self.assertEqual(self.guests(), {})

    def test_a_frontend_that_never_connects(self):
        grub = pathlib.Path("/usr/lib/grub-xen/grub-x86_64-xen.bin")
        if not grub.exists():
            self.skipTest(f"there is no {grub}")
        self.destroy_at_end()
        create = ("create", "--wait", "--timeout", "3", self.config(kernel=grub, memory=32), "vif=['bridge=sw0']")
        self.refused(1, *create, says="the guest did not connect it within 3 s")
        self.assertEqual(self.guests(), {})
        self.refused(1, *create, "--keep", says="is left paused")
        self.assertEqual([guest["state"] for guest in self.guests().values()], ["paused"])


class Killed(VifTest):
    def test_create_leaves_a_whole_guest_or_one_that_reap_collects(self):
        self.destroy_at_end()
        for delay_ms in range(2, 50, 2):
            with subprocess.Popen(["cosmos", "create", "-q", str(self.config_path)], stdout=subprocess.DEVNULL) as making:
                try:
                    making.wait(delay_ms / 1000)
                except subprocess.TimeoutExpired:
                    os.kill(making.pid, signal.SIGKILL)
            self.cosmos("reap")
            for guest in self.guests().values():
                self.assertFalse(guest["unfinished"], guest)
        recorded = command("xenstore-list", "/local/domain/0/backend/vif").out.split()
        self.assertEqual(sorted(map(int, recorded)), sorted(self.guests()))


class Scale(VifTest):
    """Minutes of a quiet machine: run with COSMOS_TEST_LONG=1."""

    GUESTS = 200

    def setUp(self):
        if not os.environ.get("COSMOS_TEST_LONG"):
            self.skipTest("takes minutes; COSMOS_TEST_LONG=1 runs it")
        super().setUp()

    def test_two_hundred_guests_answer_every_ping_and_go_without_a_trace(self):
        self.create("-n", self.GUESTS, "--wait", "--timeout", "120", config=self.config_path, limit=900)
        vifs = self.vifs()
        self.assertEqual([vif["switch"] for vif in vifs].count("sw0"), self.GUESTS // 2)
        for vif in vifs:
            self.answers(vif["ip"])
        self.cosmos("destroy", "all", "--yes", limit=300)
        wait_until(lambda: not [name for name in interfaces() if name.startswith("vif")], "vifs of destroyed guests")

    CYCLES = 500

    def test_five_hundred_creates_and_destroys_leave_the_host_as_it_was(self):
        for cycle in range(self.CYCLES):
            guest = self.create_one("--wait", "--timeout", "60", config=self.config_path)
            if cycle % 10 == 0:
                self.answers(self.vifs()[0]["ip"], count=1)
            self.cosmos("destroy", guest)
            if cycle == 20:
                early = self.held()
        wait_until(lambda: not [name for name in interfaces() if name.startswith("vif")], "vifs of destroyed guests")
        late = self.held()
        for what, before in early.items():
            # A daemon's heap breathes; what it would keep of 480 guests is more than this.
            spare = 2 if what.startswith("descriptors") else 1024
            self.assertLessEqual(late[what], before + spare, what)

    @staticmethod
    def held():
        """Descriptors and resident KiB of the daemons."""
        held = {}
        for daemon in ("xenstored", "oxenstored", "xenconsoled"):
            for pid in command("pidof", daemon).out.split():
                held[f"descriptors of {daemon}"] = len(os.listdir(f"/proc/{pid}/fd"))
                status = pathlib.Path(f"/proc/{pid}/status").read_text()
                held[f"KiB of {daemon}"] = int(status.split("VmRSS:")[1].split()[0])
        return held
