# SPDX-License-Identifier: BSD-3-Clause
"""Which CPUs guests run on: where they are put, where pin moves them, and what xl sees of it."""

import json
import re

from hostlib import HostTest


class Pin(HostTest):
    def host_cpus(self):
        return int(re.search(r"^nr_cpus\s*:\s*(\d+)$", self.xl("info").out, re.MULTILINE)[1])

    def need_cpus(self, number):
        if self.host_cpus() < number:
            self.skipTest(f"the host has less than {number} CPUs")

    def hard_affinities(self, identity):
        """What xl says of each vCPU: "all", "1", "0-1"."""
        rows = self.xl("vcpu-list", identity).out.splitlines()[1:]
        return [re.search(r"(\S+) / \S+\s*$", row)[1] for row in rows]

    def listed_cpus(self, identity):
        return self.guests()[identity]["cpus"]

    def column(self, identity):
        """The column CPUS of list."""
        header, *rows = (line.split() for line in self.cosmos("list").out.splitlines())
        return next(row[header.index("CPUS")] for row in rows if row[0] == str(identity))

    def test_guests_keep_off_dom0_and_take_turns(self):
        self.need_cpus(2)
        dom0 = len(self.hard_affinities(0))
        cpus = self.host_cpus()
        guests = self.create("-p", "-n", "4", "vcpus=2")
        used = []
        for guest in guests:
            by_vcpu = self.listed_cpus(guest)
            self.assertEqual([len(one) for one in by_vcpu], [1, 1])
            self.assertEqual(self.hard_affinities(guest), [str(cpu) for (cpu,) in by_vcpu])
            used += [cpu for (cpu,) in by_vcpu]
        first = dom0 if dom0 < cpus else 1
        self.assertGreaterEqual(min(used), first)
        self.assertEqual(len(set(used)), min(cpus - min(used), len(guests) + 1))

    def test_config_chooses(self):
        self.need_cpus(2)
        for text, listed, seen in (("0", [[0]], ["0"]), ("all", [None], ["all"]), ("0-1,^0", [[1]], ["1"])):
            guest = self.create_one("-p", f"cpus={text}")
            self.assertEqual(self.listed_cpus(guest), listed)
            self.assertEqual(self.hard_affinities(guest), seen)

    def test_config_chooses_for_each_vcpu(self):
        self.need_cpus(2)
        guest = self.create_one("-p", "vcpus=3", "cpus=['1', '0']")
        self.assertEqual(self.listed_cpus(guest), [[1], [0], None])
        self.assertEqual(self.hard_affinities(guest), ["1", "0", "all"])
        self.assertEqual(self.column(guest), "any")

    def test_pin_moves_all_vcpus_of_all_guests_and_xl_sees_it(self):
        self.need_cpus(2)
        one, other = self.create("-p", "-n", "2", "vcpus=2")
        self.cosmos("pin", one, other, "0")
        for guest in (one, other):
            self.assertEqual(self.hard_affinities(guest), ["0", "0"])
            self.assertEqual(self.column(guest), "0")
        self.cosmos("pin", f"{one}-{other}", "all,^0")
        self.assertNotIn(0, self.listed_cpus(one)[1])
        self.cosmos("pin", one, "all")
        self.assertEqual(self.hard_affinities(one), ["all", "all"])
        self.assertEqual(self.listed_cpus(one), [None, None])
        self.assertEqual(self.column(one), "any")

    def test_a_running_guest_goes_where_it_is_pinned(self):
        self.need_cpus(2)
        guest = self.create_one()
        self.wait_for_state(guest, "blocked")
        self.cosmos("pin", "--name", self.read_store(f"/local/domain/{guest}/name"), "1")
        self.assertEqual(self.listed_cpus(guest), [[1]])

    def test_what_xl_pinned_is_shown(self):
        self.need_cpus(2)
        guest = self.create_one("-p", "vcpus=2")
        self.xl("vcpu-pin", guest, "0", "0")
        self.xl("vcpu-pin", guest, "1", "1")
        self.assertEqual(self.listed_cpus(guest), [[0], [1]])
        self.assertIn(self.column(guest), ("0-1", "any"))
        self.assertRegex(self.cosmos("info", guest).out, r"(?m)^vcpu 0 +on CPUs 0$")
        self.assertEqual(json.loads(self.cosmos("info", "--json", guest).out)["cpus"], [[0], [1]])

    def test_what_cannot_be_is_refused(self):
        guest = self.create_one("-p", "cpus=all")
        self.refused(1, "pin", guest, "4000", says="the host has no CPU 4000")
        self.refused(1, "pin", 0, "0", says="it is the control domain")
        self.refused(3, "pin", 32000, "0", says="no such guest")
        for cpus in ("x", "", "3-1", "^0"):
            self.refused(2, "pin", guest, cpus)
        self.assertEqual(self.hard_affinities(guest), ["all"])
