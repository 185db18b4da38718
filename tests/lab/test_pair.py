#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Tests of xenlab pair: two real emulated hosts on one network. Run me: python3 tests/lab/test_pair.py"""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
from lablib import XENLAB, main, xenlab  # noqa: E402
from outside import errors, options, pair  # noqa: E402

LIMIT_S = 600
END_S = 20  # what a busy machine may take to collect two hosts

# A guest's place on link0 of host two: one end of a virtual cable, the other in a network of its own.
GUEST_ON_TWO = """\
mkdir -p /run/netns && ip netns add guest && ip link add plug type veth peer name inside netns guest &&
ip link set plug master link0 && ip link set plug up && ip -n guest address add 10.99.1.7/16 dev inside &&
ip -n guest link set inside up"""


class CommandLine(unittest.TestCase):
    def test_the_instruction_clock_is_refused(self):
        result = xenlab("pair", "--clock", "instructions", "--", "true")
        self.assertEqual((result.returncode, result.stdout), (errors.WRONG_USAGE, ""))
        self.assertRegex(result.stderr, r"\Axenlab: --clock instructions is for one host[^\n]*\n\Z")

    def test_a_command_is_asked_for(self):
        result = xenlab("pair")
        self.assertEqual(result.returncode, errors.WRONG_USAGE)
        self.assertIn("xenlab pair -- xl list", result.stderr)

    def test_each_host_is_smaller_than_a_host_alone(self):
        def settings(*arguments):
            return options.settings(options.parse([*arguments, "--", "true"])[0])
        self.assertLess(settings("pair").memory_mib, settings("run").memory_mib)
        self.assertEqual((settings("pair").cpus, settings("pair", "--cpus", "2").cpus), (1, 2))

    def test_help_teaches(self):
        self.assertIn("xenlab pair -- ssh two", xenlab("--help").stdout)
        said = xenlab("pair", "--help").stdout
        for word in ("xenlab pair -- ssh two xl list", "link0", "10.99.0.2", "--timeout"):
            self.assertIn(word, said)


class Pair(unittest.TestCase):
    """Boots real pairs. What each leaves of files or processes is found by the folder it was given for them."""

    @classmethod
    def setUpClass(cls):
        result = xenlab("pair", "--no-project", "--", "true", limit=900)
        if result.returncode:
            raise RuntimeError(f"pairs do not run here:\n{result.stderr}")

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.scratch = self.folder / "scratch"
        self.scratch.mkdir()
        self.addCleanup(self.nothing_left)

    def processes(self):
        """Those that were started, directly or not, with our folder for temporary files."""
        found = []
        for environment in pathlib.Path("/proc").glob("[0-9]*/environ"):
            try:
                if f"TMPDIR={self.scratch}".encode() in environment.read_bytes().split(b"\0"):
                    found.append((environment.parent / "comm").read_text().strip())
            except OSError:
                continue
        return found

    def nothing_left(self):
        end = time.monotonic() + END_S
        while left := self.processes():
            self.assertLess(time.monotonic(), end, f"survived: {left}")
            time.sleep(0.05)
        self.assertEqual(list(self.scratch.iterdir()), [])

    def words(self, script, *arguments):
        return [XENLAB, "pair", "--no-project", *arguments, "--", "sh", "-c", script]

    def environment(self):
        return {**os.environ, "TMPDIR": str(self.scratch)}

    def run_in(self, script, *arguments):
        return subprocess.run(self.words(script, *arguments), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              cwd=self.folder, env=self.environment(), timeout=LIMIT_S, check=False)

    def start(self, script, *arguments):
        """Starts a pair and returns the lab's process, once the command has spoken."""
        lab = subprocess.Popen(self.words(script, *arguments), cwd=self.folder, env=self.environment(),
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for end in (lab.stdout.close, lab.stderr.close, lab.wait, lab.kill):
            self.addCleanup(end)
        self.assertEqual(lab.stdout.readline(), "started\n")
        self.assertEqual([name for name in self.processes() if name.startswith("qemu")], ["qemu-system-x86"] * 2)
        return lab

    def test_both_are_xen_and_reach_each_other_by_name(self):
        result = self.run_in("""
            hostname; xl list | grep -c Domain-0; ping -q -c 3 -w 60 two > /dev/null && echo pinged
            ssh two 'hostname; xl list | grep -c Domain-0; ping -q -c 3 -w 60 one > /dev/null && echo pinged
                     ssh one hostname'
            echo wrong >&2; exit 7""")
        self.assertEqual((result.returncode, result.stderr), (7, "wrong\n"), result.stdout)
        self.assertEqual(result.stdout.split(), ["one", "1", "pinged", "two", "1", "pinged", "one"])

    def test_the_other_ones_exit_status_comes_through(self):
        self.assertEqual(self.run_in("exec ssh two 'exit 9'").returncode, 9)

    def test_files_are_on_both_and_come_back_from_one(self):
        (self.folder / "flat").write_text("flat\n")
        result = self.run_in("cat flat; ssh two 'cat /tmp/work/flat; echo changed > /tmp/work/flat'; "
                             "scp -q two:/tmp/work/flat back; exit 3", "--put", "flat", "--get", "back")
        self.assertEqual((result.returncode, result.stdout), (3, "flat\nflat\n"), result.stderr)
        self.assertEqual((self.folder / "back").read_text(), "changed\n")

    def test_what_continues_from_one_kept_host_differs_where_it_must(self):
        script = ("cat /sys/class/net/eth0/address /sys/class/net/link0/address /proc/sys/kernel/random/uuid; "
                  "cat /etc/ssh/pair/key.pub")
        one, two = self.run_in(f"({script}) | tr '\\n' ' '; echo; ssh two '({script}) | tr \"\\n\" \" \"'").stdout.split("\n")
        (mac, bridge, random, *key), (other_mac, other_bridge, other_random, *other_key) = one.split(), two.split()
        self.assertNotEqual(mac, other_mac)
        self.assertNotEqual(bridge, other_bridge)
        self.assertNotEqual(random, other_random)
        self.assertEqual(key, other_key)
        self.assertEqual(key[0], "ssh-ed25519")

    def test_guests_of_both_are_on_one_ethernet(self):
        result = self.run_in(f"ssh two '{GUEST_ON_TWO}' && ping -n -c 3 -w 60 10.99.1.7 && ip neigh show 10.99.1.7; "
                             "ssh two ip -n guest -br link show inside")
        self.assertIn("3 received", result.stdout, result.stderr)
        neighbour, inside = result.stdout.splitlines()[-2:]
        self.assertEqual(neighbour.split()[4], inside.split()[2])  # its own MAC, so nobody routes between

    def test_time_limit_ends_both_and_saves_files(self):
        lab = self.start("echo kept > kept; echo started; sleep 600", "--timeout", "25", "--get", "kept")
        self.assertEqual(lab.wait(120), errors.TIMED_OUT)
        self.assertIn("time limit", lab.stderr.read())
        self.assertEqual((self.folder / "kept").read_text(), "kept\n")

    def test_ctrl_c_ends_both(self):
        lab = self.start("echo started; ssh two sleep 600")
        lab.send_signal(signal.SIGINT)
        self.assertEqual(lab.wait(END_S), errors.INTERRUPTED)

    def test_the_end_of_either_ends_both_and_is_told(self):
        for name, script in (("one", "busybox reboot -f"), ("two", "ssh two busybox reboot -f; sleep 600")):
            with self.subTest(name=name):
                result = self.run_in(script)
                self.assertEqual(result.returncode, errors.LAB_FAILED)
                self.assertIn(f"host {name} ended by itself", result.stderr)
                self.assertIn("(XEN)", result.stderr)
                self.assertEqual(self.processes(), [])

    def test_a_killed_lab_takes_both_with_it(self):
        lab = self.start("echo started; sleep 600")
        lab.kill()
        lab.wait(END_S)
        for leftover in self.scratch.iterdir():  # nobody was there to remove the staging folder
            leftover.rmdir()


if __name__ == "__main__":
    main()
