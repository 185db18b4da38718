# SPDX-License-Identifier: BSD-3-Clause
"""Our guest's network driver: what it answers, what it drops, that it sleeps in between and survives its backend."""

import contextlib
import os
import pathlib

from hostlib import command, wait_until
from networks import VifTest
from viffuzz import Fuzzer

SPLIT = pathlib.Path("/sys/module/xen_netback/parameters/separate_tx_rx_irq")
LARGEST_PING = 1472  # bytes that an Ethernet frame holds behind the headers of IP and ICMP
FRAMES, RINGS = 120, 100
SEED = 3405142284  # of what is sent; COSMOS_TEST_SEED is another


class GuestTest(VifTest):
    def connected(self, *words):
        """A guest whose vifs are connected."""
        return self.create_one("--wait", *self.patient, *words)

    def cpu_time(self, guest):
        return self.guests()[guest]["cpu_time_ns"]

    def rests(self, guest):
        """Without a frame the guest gets no CPU time at all. (The host's own multicasts take a while to end.)"""
        def unchanged():
            before = self.cpu_time(guest)
            command("sleep", "2")
            return self.cpu_time(guest) == before
        wait_until(unchanged, f"domain {guest} sleeps")


class Answers(GuestTest):
    def test_pings_of_every_size(self):
        self.connected("vif=['bridge=sw0,ip=10.70.0.9/21']")
        for size in (0, 1, 56, 1471, LARGEST_PING):
            said = command("ping", "-n", "-c", "3", "-i", "0.1", "-W", "20", "-s", size, "10.70.0.9")
            self.assertIn("3 packets transmitted, 3 received", said.out, f"{size} bytes")

    def test_a_flood(self):
        self.connected("vif=['bridge=sw0,ip=10.70.0.9/21']")
        said = command("ping", "-n", "-q", "-f", "-c", "3000", "-W", "20", "10.70.0.9", limit=300)
        self.assertIn("3000 packets transmitted, 3000 received", said.out)

    def test_on_each_of_its_vifs(self):
        self.connected("vif=['bridge=sw0,ip=10.70.0.9/21', 'bridge=sw1,ip=10.71.0.9/21', 'bridge=sw0,ip=10.70.0.10/21']")
        self.answers("10.70.0.9", "10.71.0.9", "10.70.0.10")

    def test_the_command_lines_address_wins(self):
        self.connected("vif=['bridge=sw0,ip=10.70.0.9/21']", "extra=ip=10.70.0.11/21")
        self.answers("10.70.0.11")
        self.assertIn("0 received", command("ping", "-n", "-c", "1", "-W", "1", "10.70.0.9").out)

    def test_nothing_without_an_address(self):
        self.connected("vif=['bridge=sw0']")
        self.assertIn("0 received", command("ping", "-n", "-c", "1", "-W", "1", "10.70.0.9").out)

    def test_on_one_event_channel(self):
        before = SPLIT.read_text()
        self.addCleanup(SPLIT.write_text, before)
        SPLIT.write_text("N")
        guest = self.connected("vif=['bridge=sw0,ip=10.70.0.9/21']")
        self.assertIsNotNone(self.read_store(f"/local/domain/{guest}/device/vif/0/event-channel"))
        self.answers("10.70.0.9")

    def test_in_a_mebibyte(self):
        self.connected("memory=1", "vif=['bridge=sw0,ip=10.70.0.9/21']")
        self.answers("10.70.0.9")


class Rests(GuestTest):
    def test_between_packets(self):
        guest = self.connected("vif=['bridge=sw0,ip=10.70.0.9/21']")
        self.answers("10.70.0.9")
        self.rests(guest)


class Survives(GuestTest):
    def test_malformed_frames_and_ring_contents(self):
        guest = self.connected("vif=['bridge=sw0,ip=10.70.0.9/21']")
        seed = int(os.environ.get("COSMOS_TEST_SEED", SEED))
        print(f"(seed {seed}) ", end="", flush=True)
        steps = []
        fuzzer = Fuzzer(guest, 0, "10.70.0.9/21", seed, steps.append)
        with self.told_at_failure(steps):
            fuzzer.frames(FRAMES)
            fuzzer.rings(RINGS)
        self.answers("10.70.0.9")
        self.rests(guest)

    @contextlib.contextmanager
    def told_at_failure(self, steps):
        try:
            yield
        except Exception:
            print("\n" + "\n".join(steps[-10:]), flush=True)
            raise
