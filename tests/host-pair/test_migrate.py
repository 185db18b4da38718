# SPDX-License-Identifier: BSD-3-Clause
"""Guests that migrate from one host to the other and back, while somebody talks to them."""

import json
import os
import select
import shlex
import socket
import struct
import subprocess
import threading
import time

from hostlib import PATIENCE_S, command, installed, wait_until
from migrations import cut_points, migrate_through_cutter, migrated, receiver
from networks import ECHO_REPLY, echo_request, pings, wait_for_link_watch
from pairlib import MASTER, OTHER, PairTest, connection, there
from terminals import Terminal

TIMES = 50
PER_SECOND = 50
ADDRESS = "10.99.1.1"
MAC = "00:16:3e:99:01:01"
NAMES = {"one": "10.99.0.1", "two": "10.99.0.2"}
PATIENT = ("--timeout", str(PATIENCE_S))
# Until a guest's vif is connected again after it runs: emulated hosts take many times what real ones do.
RECONNECTED_S = 1.0


class Stream(threading.Thread):
    """Pings an address so many times a second, and remembers what was sent when and answered how often."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.address, self.identity = address, ~os.getpid() & 0xFFFF  # not that of pings()
        self.sent, self.answers = [], {}
        self.ended = threading.Event()

    def run(self):
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
            next_one = time.monotonic()
            while not self.ended.is_set():
                if time.monotonic() >= next_one:
                    try:
                        raw.sendto(echo_request(self.identity, len(self.sent) & 0xFFFF), (self.address, 0))
                    except OSError:
                        pass  # no route for a moment counts as lost
                    self.sent.append(time.monotonic())
                    next_one += 1 / PER_SECOND
                if select.select([raw], [], [], max(0, next_one - time.monotonic()))[0]:
                    packet, (source, _) = raw.recvfrom(2048)
                    kind, _, _, whose, number = struct.unpack_from("!BBHHH", packet, (packet[0] & 0xF) * 4)
                    if (kind, whose, source) == (ECHO_REPLY, self.identity, self.address):
                        self.answers[number] = self.answers.get(number, 0) + 1

    def lost(self, since, until):
        return sum(since <= when < until and number not in self.answers for number, when in enumerate(self.sent))


class MigrateTest(PairTest):
    def setUp(self):
        super().setUp()
        self.vif = f"vif=['bridge=link0,mac={MAC},ip={ADDRESS}/16']"

    def create_here(self):
        guest = self.create_one("--wait", *PATIENT, self.vif, config=installed("clickos-configs/ping.cfg"))
        self.addCleanup(self.cosmos_there, "destroy", "all", "--yes")
        wait_for_link_watch()
        # The switch may still know its MAC from where the guest before it ended; who asks anew reaches all ports.
        command("ip", "neighbour", "flush", "to", ADDRESS)
        self.assertEqual(pings([ADDRESS], 5), {ADDRESS: 5})
        return guest

    def guests_there(self):
        listed = json.loads(self.cosmos_there("list", "--json").out)
        return {guest["id"]: guest for guest in listed if guest["state"] != "dying"}

    def answers_again(self):
        wait_until(lambda: pings([ADDRESS], 1, 2)[ADDRESS], "it answers")


class Standing(MigrateTest):
    """Both hosts have a standing receiver, whom they know by certificates of one authority."""

    def setUp(self):
        super().setUp()
        certificates = self.folder / "certs"
        self.cosmos("receive", "--make-certs", certificates, "one", NAMES["one"])
        self.said_there("mkdir", "-m", "700", "-p", certificates)
        self.addCleanup(self.said_there, "rm", "-r", certificates)
        for name in ("ca.pem", "ca.key"):
            copied = command("scp", "-q", "-o", f"ControlPath={MASTER}", certificates / name, f"{OTHER}:{certificates}/")
            self.assertEqual(copied.status, 0, copied)
        self.cosmos_there("receive", "--make-certs", certificates, "two", NAMES["two"])
        self.certificates = ("--certs", str(certificates))
        self.enterContext(receiver(NAMES["one"], *self.certificates, *PATIENT))
        connection()
        words = shlex.join(["cosmos", "receive", "--listen", NAMES["two"], *self.certificates, *PATIENT])
        standing = subprocess.Popen([*connection(), f"echo $$; exec {words}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        process = standing.stdout.readline().strip()
        self.assertIn("Waiting for guests", standing.stderr.readline())

        def end():
            self.said_there("kill", process)
            standing.communicate(timeout=PATIENCE_S)
        self.addCleanup(end)

    def migrate(self, here, guest):
        """From the host that has it to the other."""
        words = ("migrate", "--json", *PATIENT, *self.certificates)
        if here:
            return migrated(self.cosmos(*words, guest, "tls:two", limit=2 * PATIENCE_S))
        return migrated(self.cosmos_there(*words, guest, f"tls:{NAMES['one']}", limit=2 * PATIENCE_S))

    def test_fifty_times_under_pings(self):
        guest, here = self.create_here(), True
        stream = Stream(ADDRESS)
        stream.start()
        self.addCleanup(stream.ended.set)
        print()
        for number in range(1, TIMES + 1):
            since, answered = time.monotonic(), len(stream.answers)
            result = self.migrate(here, guest)
            here, guest = not here, result["id_there"]
            self.answers_again()
            time.sleep(0.5)  # what is still on its way
            lost = stream.lost(since, time.monotonic() - 0.5)
            print(f"  {number}: downtime {result['seconds_still'] * 1000:.0f} ms, {lost} pings lost", flush=True)
            self.assertLessEqual(lost / PER_SECOND, result["seconds_still"] + RECONNECTED_S)
            with_guest, without = (self.guests(), self.guests_there()) if here else (self.guests_there(), self.guests())
            self.assertEqual((list(with_guest), list(without)), ([guest], []))
        stream.ended.set()
        stream.join()
        self.assertTrue(here)
        self.assertEqual([number for number, times in stream.answers.items() if times > 1], [], "answered twice")
        with Terminal("cosmos", "console", guest) as terminal:
            terminal.expect(f"resumed, domain {guest}, {TIMES} times; answered ")
            counted = int(terminal.expect(" pings").split()[-2])
        # As of its last return; it has counted all along, also those whose answers were lost with a vif.
        self.assertGreaterEqual(counted, answered)

    def test_strangers_are_not_let_in(self):
        guest = self.create_here()
        strange = self.folder / "strange"
        self.cosmos("receive", "--make-certs", strange, "one")
        self.refused(1, "migrate", "--certs", strange, guest, "tls:two", says="two")
        self.assertEqual((list(self.guests()), list(self.guests_there())), ([guest], []))
        self.answers_again()


class CutShort(MigrateTest):
    def test_connections_cut_at_a_byte(self):
        connection()
        ssh = f"ssh -S {MASTER}"
        counts = self.folder / "counts"
        guest = self.create_here()
        migrated(migrate_through_cutter(guest, OTHER, CUTTER_SSH=ssh, CUTTER_COUNTS=counts))
        (guest,) = self.guests_there()
        there_bytes, back = map(int, counts.read_text().split())
        points = cut_points(there_bytes, back)
        self.assertGreaterEqual(len(points), 20)
        self.bring_back(guest)
        for variable, cut in points:
            with self.subTest(**{variable: cut}):
                (guest,) = self.guests()
                migrate_through_cutter(guest, OTHER, CUTTER_SSH=ssh, **{variable: cut})
                # The receiver there hears of it at once, or ends with its connection.
                wait_until(lambda: there("pgrep", "-x", "cosmos").status, "the receiver has ended")
                if self.state(guest) == "in-doubt":
                    asked = command("cosmos", "settle", "--ssh", ssh, guest, OTHER, limit=PATIENCE_S)
                    if asked.status:
                        self.assertIn("does not have it", asked.err)
                        self.cosmos("settle", "--here", guest)
                here, other = self.guests(), self.guests_there()
                self.assertEqual(len(here) + len(other), 1, (here, other))
                self.answers_again()
                for one in other:
                    self.bring_back(one)

    def bring_back(self, guest):
        self.cosmos_there("migrate", "--ssh", "ssh", guest, "one", limit=4 * PATIENCE_S)
        self.answers_again()


class ByItself(MigrateTest):
    def test_by_ssh_alone(self):
        guest = self.create_here()
        said = self.cosmos("migrate", "--stats", *PATIENT, guest, OTHER, limit=4 * PATIENCE_S).out
        self.assertIn(f"Migrated domain {guest} to two as domain", said)
        self.answers_again()
        self.assertEqual(self.guests(), {})
        (guest,) = self.guests_there()
        self.cosmos_there("destroy", guest)
