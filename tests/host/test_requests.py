# SPDX-License-Identifier: BSD-3-Clause
"""What cosmos asks of the store daemon, counted by the daemon itself, and how often it waits."""

import re

import storetrace
from hostlib import HostTest, command, guest_config

MOST_WRITES_WITHOUT_VIF = 6
MOST_WAITS = 2
STORE_SOCKET = "/run/xenstored/socket"


class Asked(HostTest):
    def asked(self, *words):
        """Runs cosmos and returns (what it printed, {type: [paths]} of what it asked for)."""
        start = storetrace.position()
        printed = self.cosmos(*words).out
        requests = storetrace.requests_since(start)
        self.assertLessEqual(len({request.connection for request in requests}), 1, "one connection")
        kinds = {}
        for request in requests:
            kinds.setdefault(request.type, []).append(request.path)
        return printed, kinds

    def test_create_with_a_console(self):
        storetrace.position()
        self.destroy_at_end()
        printed, kinds = self.asked("create", "-q", "-p", guest_config())
        home = f"/local/domain/{printed.strip()}"
        self.assertEqual(kinds, {
            "write": [f"{home}/{node}" for node in ("name", "control/shutdown", "console/port", "console/ring-ref")],
            "mkdir": [f"{home}/data"],
            "setperms": [home, f"{home}/control/shutdown", f"{home}/data"],
            "introduce": [printed.strip()]})
        self.assertLessEqual(len(kinds["write"]), MOST_WRITES_WITHOUT_VIF)

    def test_create_without_a_console(self):
        storetrace.position()
        self.destroy_at_end()
        _, kinds = self.asked("create", "-q", "-p", guest_config(), "console='none'")
        self.assertEqual({kind: len(paths) for kind, paths in kinds.items()}, {"write": 2, "mkdir": 1, "setperms": 3, "introduce": 1})

    def test_create_of_a_batch_asks_for_nothing_more(self):
        storetrace.position()
        self.destroy_at_end()
        _, kinds = self.asked("create", "-q", "-p", "-n", "3", guest_config())
        self.assertEqual({kind: len(paths) for kind, paths in kinds.items()},
                         {"write": 12, "mkdir": 3, "setperms": 9, "introduce": 3})

    def test_destroy(self):
        storetrace.position()
        guests = self.create("-p", "-n", "3")
        self.wait_for_terminals(guests)
        self.assertEqual(self.asked("destroy", guests[0])[1],
                         {"directory": [f"/local/domain/{guests[0]}/console"], "rm": [f"/local/domain/{guests[0]}"]})
        self.assertEqual(self.asked("destroy", f"{guests[1]}-{guests[2]}")[1],
                         {"directory": [f"/local/domain/{guest}/console" for guest in guests[1:]],
                          "rm": [f"/local/domain/{guest}" for guest in guests[1:]]})

    def test_what_needs_no_store_asks_nothing(self):
        storetrace.position()
        guest = self.create_one("-p")
        for words in (("list",), ("unpause", guest), ("pause", guest)):
            self.assertEqual(self.asked(*words)[1], {})

    def test_shutdown_watches_only_while_it_waits(self):
        storetrace.position()
        guest = self.create_one()
        self.wait_for_state(guest, "blocked")
        asked = {"write": [f"/local/domain/{guest}/control/shutdown"]}
        with self.subTest("asking"):
            self.cosmos("pause", guest)
            self.assertEqual(self.asked("shutdown", guest)[1], asked)
            self.cosmos("unpause", guest)
            self.wait_for_state(guest, "poweroff")
        other = self.create_one()
        self.wait_for_terminals([other])
        kinds = self.asked("shutdown", "--wait", other)[1]
        self.assertEqual(kinds, {"watch": ["@releaseDomain"], "write": [f"/local/domain/{other}/control/shutdown"],
                                 "unwatch": ["@releaseDomain"], "directory": [f"/local/domain/{other}/console"],
                                 "rm": [f"/local/domain/{other}"]})


class Waits(HostTest):
    """Seen from the process: what it sends to the daemon's socket, and when it waits for answers."""

    def exchanges(self, *words):
        """Returns (number of sends, number of times it turned from sending to waiting)."""
        log = self.folder / "strace"
        result = command("strace", "-f", "-o", log, "-e", "trace=connect,sendto,sendmsg,write,writev,recvfrom,recvmsg,"
                         "read,readv,poll,ppoll,select", "cosmos", *words)
        self.assertEqual(result.status, 0, result)
        calls = log.read_text()
        found = re.search(rf'connect\((\d+), {{sa_family=AF_UNIX, sun_path="{STORE_SOCKET}"', calls)
        self.assertTrue(found, calls)
        sends = waits = 0
        waiting = True
        for call, descriptor in re.findall(r"(\w+)\((?:\[\{fd=)?(\d+)", calls[found.end():]):
            if descriptor != found[1]:
                continue
            if call in ("sendto", "sendmsg", "write", "writev"):
                sends, waiting = sends + 1, False
            elif not waiting:
                waits, waiting = waits + 1, True
        return sends, waits

    def test_create_sends_once(self):
        self.destroy_at_end()
        sends, waits = self.exchanges("create", "-q", "-p", guest_config())
        self.assertEqual(sends, 1, "the whole record in one go")
        self.assertLessEqual(waits, MOST_WAITS)

    def test_destroy_sends_once(self):
        guests = self.create("-p", "-n", "4")
        self.wait_for_terminals(guests)
        self.assertEqual(self.exchanges("destroy", f"{guests[0]}-{guests[-1]}"), (1, 1))
