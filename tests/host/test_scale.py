# SPDX-License-Identifier: BSD-3-Clause
"""Hundreds of guests with vifs, side by side and one after the other.

In an emulated host on a busy machine they miss their time. So this takes COSMOS_TEST_MANY=1, which tests/host/all
sets where it has instructions for a clock.
"""

import collections
import os
import pathlib
import re
import time

import switches
from hostlib import Snapshot, command, wait_until
from networks import VifTest

GUESTS = 200
LIVES = 500
WARM_UP = 20  # lives, after which the host holds what it keeps for good
LIMIT_S = 900
DAEMONS = ("xenstored", "oxenstored", "xenconsoled")

# How much more may be held after 480 lives than before. A page kept of each would be 1.9 MiB.
SPARE_KIB = {"daemon": 1024, "dom0": 8192, "Xen": 1024}


class ScaleTest(VifTest):
    def setUp(self):
        if not os.environ.get("COSMOS_TEST_MANY"):
            self.skipTest("takes minutes; COSMOS_TEST_MANY=1 runs it")
        super().setUp()
        self.clean = Snapshot()  # with the switches
        self.started = time.monotonic()

    def took(self, what):
        """Prints how long a step took."""
        now = time.monotonic()
        print(f"({what} {now - self.started:.0f} s) ", end="", flush=True)
        self.started = now

    def check_nothing_left(self):
        """No domain, store node, interface or process more than before."""
        wait_until(lambda: not self.clean.leftovers(), "the host is as it was")
        self.assertEqual([switches.linux_ports(name) for name in self.networks], [[], []])


class SideBySide(ScaleTest):
    def test_two_hundred_guests_answer_every_ping_and_go_without_a_trace(self):
        guests = self.create("-n", GUESTS, "--wait", *self.patient, config=self.config_path, limit=LIMIT_S)
        self.took("create")
        self.assertEqual(len(guests), GUESTS)
        vifs = self.vifs()
        self.assertEqual(collections.Counter(vif["switch"] for vif in vifs), {"sw0": GUESTS // 2, "sw1": GUESTS // 2})
        self.assertEqual({vif["state"] for vif in vifs}, {"connected"})
        self.assertEqual(len({vif["ip"] for vif in vifs}), GUESTS)
        self.answers(*(vif["ip"] for vif in vifs), count=5)
        self.took("pings")
        self.cosmos("destroy", *guests, limit=LIMIT_S)
        self.took("destroy")
        self.check_nothing_left()


class OneAfterTheOther(ScaleTest):
    def test_five_hundred_lives_leave_the_host_as_it_was(self):
        # Of the same addresses, so that what the host remembers of neighbours does not grow.
        vif = "vif=['bridge=sw0,ip=10.70.0.9/21,mac=00:16:3e:00:00:09']"
        early = {}
        for life in range(LIVES):
            guest = self.create_one("--wait", *self.patient, vif)
            self.answers("10.70.0.9", count=1)
            self.cosmos("destroy", guest)
            if life + 1 == WARM_UP:
                early = self.held()
        self.took(f"{LIVES} lives")
        late = self.held()
        print({what: late[what] - early[what] for what in late}, end=" ", flush=True)
        self.assertEqual(late.keys(), early.keys())
        for what, before in early.items():
            spare = next((spare for whose, spare in SPARE_KIB.items() if what.startswith(f"KiB of {whose}")), 0)
            self.assertLessEqual(late[what], before + spare, what)
        self.check_nothing_left()

    def held(self):
        """What the host holds once it is quiet: memory, descriptors, store nodes, bridge ports, interfaces."""
        self.check_nothing_left()
        held = {"store nodes": len(command("xenstore-ls", "-f").out.splitlines()),
                "bridge ports": sum(len(switches.linux_ports(name)) for name in self.networks),
                "interfaces": len(list(pathlib.Path("/sys/class/net").iterdir())),
                "processes": len(list(pathlib.Path("/proc").glob("[0-9]*/cmdline"))) - self.kernel_workers()}
        for daemon in DAEMONS:
            for pid in command("pidof", daemon).out.split():
                held[f"descriptors of {daemon}"] = len(os.listdir(f"/proc/{pid}/fd"))
                status = pathlib.Path(f"/proc/{pid}/status").read_text()
                held[f"KiB of daemon {daemon}"] = int(re.search(r"VmRSS:\s+(\d+)", status)[1])
        # What is not there: the free memory, less the logs and traces that lie in memory here.
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")
        memory = dict(re.findall(r"(\w+):\s+(\d+) kB", pathlib.Path("/proc/meminfo").read_text()))
        held["KiB of dom0"] = -int(memory["MemAvailable"]) - int(memory["Shmem"])
        held["KiB of Xen"] = -1024 * int(re.search(r"free_memory\s*: (\d+)", command("xl", "info").out)[1])
        return held

    @staticmethod
    def kernel_workers():
        """Threads that the kernel starts and ends as it likes."""
        names = [path.read_text() for path in pathlib.Path("/proc").glob("[0-9]*/comm")]
        return sum(name.startswith(("kworker/", "irq/")) for name in names)
