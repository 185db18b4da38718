# SPDX-License-Identifier: BSD-3-Clause
"""cosmos migrate and receive, both on one host: the guest goes on over there, or here, and never twice."""

import random
import subprocess
import time

import debian
import initramfs
import storetrace
from hostlib import PATIENCE_S, command, installed, wait_until
from migrations import CUTTER, SEED, cut_points, migrate_through_cutter, migrated, receiver, settle
from networks import VifTest, pings
from terminals import Terminal

TIMES = 10
KILLS = 12
MOST_WRITES = 17
ADDRESS = "10.70.0.9"
MAC = "00:16:3e:70:00:09"


class MigrateTest(VifTest):
    def setUp(self):
        super().setUp()
        self.socket = self.folder / "socket"
        self.here = f"unix:{self.socket}"

    def stand(self):
        return self.enterContext(receiver(self.here, *self.patient))

    def migrate(self, guest, *options, **how):
        """Migrates it to this host; returns what is said of it, and its new id in `id_there`."""
        self.destroy_at_end()
        result = migrated(self.cosmos("migrate", "--json", *self.patient, *options, guest, self.here, **how))
        self.assertEqual(self.state(guest), "gone")
        return result

    def create_with_vif(self, *words):
        guest = self.create_one("--wait", *self.patient, f"vif=['bridge=sw0,mac={MAC},ip={ADDRESS}/21']", *words)
        self.answers(ADDRESS)
        return guest

    def answers_again(self):
        """Once its vif is connected, which nobody waits for, it answers each ping."""
        wait_until(lambda: pings([ADDRESS], 1, 2)[ADDRESS], "it answers")
        self.answers(ADDRESS)

    def is_alone_and_answers(self):
        guests = self.guests()
        self.assertEqual(len(guests), 1, guests)
        self.assertIn(next(iter(guests.values()))["state"], ("blocked", "running"))
        wait_until(lambda: pings([ADDRESS], 1, 2)[ADDRESS], "it answers")
        return next(iter(guests))


class Ours(MigrateTest):
    def test_ten_times_with_a_vif(self):
        self.stand()
        guest = self.create_with_vif()
        for generation in range(1, TIMES + 1):
            guest = self.migrate(guest)["id_there"]
            with Terminal("cosmos", "console", guest) as terminal:
                terminal.expect(f"resumed, domain {guest}, {generation} time")
            self.answers_again()
            self.assertEqual([(vif["mac"], vif["switch"]) for vif in self.vifs()], [(MAC, "sw0")])

    def test_through_a_command_as_through_ssh(self):
        guest = self.create_with_vif()
        result = migrated(self.cosmos("migrate", "--json", "--ssh", CUTTER, guest, "two"))
        self.assertEqual(result["host"], "two")
        self.assertEqual(self.is_alone_and_answers(), result["id_there"])

    def test_to_another_switch(self):
        self.stand()
        self.migrate(self.create_with_vif(), "--switch", "sw1")
        self.assertEqual([vif["switch"] for vif in self.vifs()], ["sw1"])

    def test_several_at_once(self):
        self.stand()
        guests = self.create("-n", "3")
        said = self.cosmos("migrate", *guests, self.here)
        self.assertEqual(said.out.count("Migrated domain"), 3)
        self.assertEqual(len(self.guests()), 3)

    def test_stats_say_what_was_sent(self):
        self.stand()
        guest = self.create_one()
        said = self.cosmos("migrate", "--stats", guest, self.here).out
        self.destroy_at_end()
        self.assertRegex(said, r"downtime \d+\.\d ms, \d+ bytes in \d+ rounds\n")
        self.assertRegex(said, r"round 2, the guest stood still: \d+ pages")

    def test_pages_of_a_cached_kernel_are_not_sent(self):
        guest = self.create_one(config=self.config(name="plain", kernel=installed("guest.elf"), memory=4))
        self.stand()
        before = self.migrate(guest)
        command("cosmos", "host", "prepare", "--guests", "1")  # what else falls short here says its status
        self.addCleanup(command, "umount", "/run/cosmos")
        self.cosmos("host", "cache", "add", installed("guest.elf"))
        after = self.migrate(before["id_there"])
        self.assertEqual(sum(one["known_pages"] for one in before["rounds"]), 0)
        self.assertGreater(sum(one["known_pages"] for one in after["rounds"]), 2)
        self.assertLess(after["bytes"], before["bytes"])

    def test_writes_to_xenstore(self):
        """Of all that a migration asks of the store, writes for a guest with a console and a vif."""
        storetrace.position()
        guest = self.create_with_vif()
        self.stand()
        start = storetrace.position_when_quiet()
        self.migrate(guest)
        writes = [request.path for request in storetrace.requests_since(start) if request.type == "write"]
        made = [path for path in writes if path.startswith("/") and not path.startswith(f"/local/domain/{guest}/")]
        self.assertLessEqual(len(made), MOST_WRITES, made)


class OfOthers(MigrateTest):
    def test_guest_that_xl_created(self):
        self.stand()
        config = self.config("holly.cfg", name="holly", type="pv", kernel=installed("guest.elf"), memory=4,
                             vif=[f"bridge=sw0,mac={MAC},script={installed('hotplug/vif-cosmos')}"], extra=f"ip={ADDRESS}/21")
        self.xl("create", "-e", config)
        self.destroy_at_end()
        guest = int(self.xl("domid", "holly").out)
        self.answers(ADDRESS)
        for _ in range(2):
            guest = self.migrate(guest)["id_there"]
            self.answers_again()

    def test_debian_with_a_vif(self):
        self.stand()
        ramdisk = self.write("initramfs", initramfs.networked(f"{ADDRESS}/21"))
        config = self.config(name="debian", kernel=debian.kernel(), ramdisk=ramdisk, memory=160,
                             extra="console=hvc0 quiet", vif=["bridge=sw0"])
        guest = self.create_one("--wait", "--timeout", debian.BOOT_S, limit=debian.BOOT_S, config=config)
        wait_until(lambda: pings([ADDRESS], 1, 1)[ADDRESS], f"{ADDRESS} answers", debian.BOOT_S)
        for _ in range(3):
            guest = self.migrate(guest, limit=debian.BOOT_S)["id_there"]
            wait_until(lambda: pings([ADDRESS], 1, 1)[ADDRESS], "it answers after a migration", debian.BOOT_S)


class Refusals(MigrateTest):
    def refused_and_answers(self, *words, says):
        self.refused(1, "migrate", *words, says=says)
        self.answers(ADDRESS)
        self.assertEqual(len(self.guests()), 1)

    def test_say_why_while_the_guest_runs(self):
        guest = self.create_with_vif()
        self.refused_and_answers(guest, self.here, says="connect: No such file or directory")
        self.stand()
        self.refused_and_answers("--switch", "nosuch", guest, self.here, says="this host has no bridge 'nosuch'")
        self.refused_and_answers("--ssh", "/bin/false", guest, "two", says="two")
        self.refused_and_answers("--ssh", "nosuchprogram", guest, "two", says="cannot run nosuchprogram")
        self.refused_and_answers("--remote", "echo Last login: today", "--ssh", CUTTER, guest, "two",
                                 says="does not speak the protocol of migrations")

    def test_guest_that_does_not_answer_runs_on(self):
        self.stand()
        guest = self.create_one(config=self.config(name="grub", kernel="/usr/lib/grub-xen/grub-x86_64-xen.bin", memory=32))
        self.refused(1, "migrate", "--timeout", "2", guest, self.here)
        self.assertEqual(self.state(guest), "running")
        wait_until(lambda: len(self.guests()) == 1, "nothing is left of the other")

    def test_words_that_mean_nothing(self):
        for words in (("5",), ("5", "-x"), ("5", "tls:"), ("5", "tls:a:b"), ("5", "tls:[::1"), ("5", "--ssh", " ", "two")):
            self.refused(2, "migrate", *words)
        with receiver(self.here):
            self.refused(3, "migrate", "32000", self.here)
        self.refused(2, "settle", "5")
        self.refused(2, "settle", "--here", "5", "two")
        self.refused(2, "receive", "name-without-make-certs")
        guest = self.create_one()
        self.refused(1, "settle", "--here", guest, says="it is not in doubt")


class CutShort(MigrateTest):
    def setUp(self):
        super().setUp()
        # netback may note an error of a vif whose record was removed, after the reap that looked for it.
        self.addCleanup(wait_until, lambda: not self.cosmos("reap").out and "error = " not in command("xenstore-ls", "/local/domain/0/error").out,
                        "nothing is left", 10)
        self.destroy_at_end()

    def find(self, guest, said):
        """Puts right what a cut migration left, and checks that one guest is left and answers."""
        self.cosmos("reap")
        listed = self.guests()
        if guest in listed and listed[guest]["state"] == "in-doubt":
            self.assertIn(f"cosmos settle {guest} HOST", self.cosmos("list").err)
            self.assertIn(f"cosmos settle {guest} HOST", said)
            self.refused(1, "wake", guest, says="was sent to another host")
            settle(guest, "--ssh", CUTTER, "two")
        elif guest in listed and listed[guest]["state"] == "suspend":
            self.cosmos("wake", guest)
        for one, state in ((one, info["state"]) for one, info in self.guests().items()):
            if state == "paused":
                self.cosmos("unpause", one)
        return self.is_alone_and_answers()

    def test_connections_cut_at_a_byte(self):
        guest = self.create_with_vif()
        counts = self.folder / "counts"
        guest = migrated(migrate_through_cutter(guest, CUTTER_COUNTS=counts))["id_there"]
        there, back = map(int, counts.read_text().split())
        doubts = 0
        for variable, cut in cut_points(there, back):
            with self.subTest(**{variable: cut}):
                said = migrate_through_cutter(guest, **{variable: cut})
                doubts += "cosmos settle" in said.stderr
                guest = self.find(guest, said.stderr)
        self.assertGreater(doubts, 0)

    def test_killed_sources(self):
        guest = self.create_with_vif()
        self.stand()
        start = time.monotonic()
        guest = self.migrate(guest)["id_there"]
        within = time.monotonic() - start
        chance = random.Random(SEED)
        print(f"(COSMOS_TEST_SEED={SEED}) ", end="", flush=True)
        for _ in range(KILLS):
            with subprocess.Popen(["cosmos", "migrate", str(guest), self.here], stdout=subprocess.DEVNULL) as process:
                time.sleep(chance.uniform(0, within))
                process.kill()
            time.sleep(0.5)  # the guest may be about to answer, the receiver to give up
            self.cosmos("reap")
            if self.state(guest) == "in-doubt":
                settle(guest, self.here)
            elif self.state(guest) == "suspend":
                self.cosmos("wake", guest)
            guest = self.is_alone_and_answers()

    def test_killed_receivers(self):
        guest = self.create_with_vif()
        chance = random.Random(SEED)
        print(f"(COSMOS_TEST_SEED={SEED}) ", end="", flush=True)
        for _ in range(KILLS):
            with receiver(self.here, *self.patient) as standing:
                with subprocess.Popen(["cosmos", "migrate", *self.patient, str(guest), self.here], stdout=subprocess.DEVNULL,
                                      stderr=subprocess.PIPE, text=True) as process:
                    time.sleep(chance.uniform(0, 0.4))
                    standing.kill()
                    said = process.communicate(timeout=2 * PATIENCE_S)[1]
            guest = self.find(guest, said)


class Receiver(MigrateTest):
    def test_ends_by_a_signal_and_takes_its_socket_along(self):
        with receiver(self.here) as standing:
            standing.terminate()
            self.assertEqual(standing.wait(PATIENCE_S), 0)
        self.assertFalse(self.socket.exists())

    def test_is_its_owners_alone(self):
        self.stand()
        self.assertEqual(self.socket.stat().st_mode & 0o777, 0o600)
        done = command("setpriv", "--reuid", "nobody", "--clear-groups", "sh", "-c", f"cat < /dev/null | nc -U {self.socket}")
        self.assertNotEqual(done.status, 0)

    def test_outlives_garbage(self):
        self.stand()
        guest = self.create_one()
        for garbage in (b"", b"\0" * 100, b"GET / HTTP/1.0\r\n\r\n", bytes(range(256)) * 64):
            with subprocess.Popen(["python3", "-c", "import socket, sys\ns = socket.socket(socket.AF_UNIX)\n"
                                   f"s.connect({str(self.socket)!r})\ntry: s.sendall(sys.stdin.buffer.read())\nexcept OSError: pass\n"],
                                  stdin=subprocess.PIPE) as process:
                process.communicate(garbage)
        self.migrate(guest)
