# SPDX-License-Identifier: BSD-3-Clause
"""Guests of two hosts on one Ethernet: who answers whom across the link."""

from hostlib import PATIENCE_S, command, installed
from networks import pings
from pairlib import OTHER, PairTest, there

SWITCH = "link0"  # of both hosts
OURS, THEIRS = "10.99.1.1", "10.99.1.2"


class Link(PairTest):
    def vif(self, address):
        return ["--wait", "--timeout", PATIENCE_S, f"vif=['bridge={SWITCH},ip={address}/16']"]

    def setUp(self):
        super().setUp()
        self.ping_config = installed("clickos-configs/ping.cfg")

    def test_a_guest_there_answers_pings_from_here(self):
        guest = self.create_there(self.ping_config, *self.vif(THEIRS))
        self.assertEqual(pings([THEIRS], 20), {THEIRS: 20})
        (mac,) = [vif["mac"] for vif in self.vifs_there() if vif["id"] == guest]
        # Its own MAC is what answered, so nothing routes between the hosts.
        self.assertIn(mac, command("ip", "neighbour", "show", THEIRS).out)

    def test_a_guest_here_answers_pings_from_there(self):
        self.create_one(*self.vif(OURS), config=self.ping_config)
        said = there("ping", "-n", "-c", "5", "-i", "0.2", "-W", "20", OURS)
        self.assertIn("5 packets transmitted, 5 received", said.out, f"on host {OTHER}")

    def test_a_destroyed_guest_is_gone_from_the_link(self):
        guest = self.create_there(self.ping_config, *self.vif(THEIRS))
        self.assertEqual(pings([THEIRS], 1), {THEIRS: 1})
        self.cosmos_there("destroy", guest)
        self.assertEqual(pings([THEIRS], 1, patience_s=3), {THEIRS: 0})
