# SPDX-License-Identifier: BSD-3-Clause
"""The guest's console, over cosmos and over xl, and how guests end by themselves."""

import json
import subprocess

from hostlib import HostTest, command
from terminals import LEAVE, Terminal


class Console(HostTest):
    def test_shows_the_banner_and_echoes_lines(self):
        guest = self.create_one()
        with Terminal("cosmos", "console", guest) as terminal:
            terminal.expect(f"Connected to domain {guest}; Ctrl-] leaves.")
            terminal.expect(f"cosmos guest, domain {guest}, 4096 KiB\n")
            terminal.type("hello\r")
            terminal.expect("hello\nhello\n")
            terminal.type(LEAVE)
            self.assertEqual(terminal.end(), 0)

    def test_gives_the_terminal_back_as_it_was(self):
        guest = self.create_one()
        with Terminal("cosmos", "console", guest) as terminal:
            terminal.expect("cosmos guest")
            self.assertFalse(terminal.is_as_before(), "raw while connected")
            terminal.type(LEAVE)
            terminal.end()
            self.assertTrue(terminal.is_as_before())

    def test_gives_the_terminal_back_when_it_is_terminated(self):
        guest = self.create_one()
        with Terminal("cosmos", "console", guest) as terminal:
            terminal.expect("cosmos guest")
            terminal.process.terminate()
            terminal.end()
            self.assertTrue(terminal.is_as_before())

    def test_can_be_left_and_taken_again(self):
        guest = self.create_one("name=alder")
        for words in ((guest,), ("--name", "alder")):
            with Terminal("cosmos", "console", *words) as terminal:
                terminal.expect("Connected")
                terminal.type("again\r")
                terminal.expect("again\nagain\n")
                terminal.type(LEAVE)
                self.assertEqual(terminal.end(), 0)

    def test_ends_with_the_guest(self):
        guest = self.create_one()
        with Terminal("cosmos", "console", guest) as terminal:
            terminal.expect("cosmos guest")
            self.cosmos("destroy", guest)
            self.assertEqual(terminal.end(), 0)
            terminal.expect("The console was closed.")

    def test_ends_when_the_guest_powers_off(self):
        guest = self.create_one()
        with Terminal("cosmos", "console", guest) as terminal:
            terminal.expect("cosmos guest")
            self.cosmos("shutdown", guest)
            terminal.expect("shutdown: poweroff")
            self.assertEqual(terminal.end(20), 0)
            self.assertTrue(terminal.is_as_before())

    def test_takes_its_input_from_a_pipe(self):
        guest = self.create_one()
        with subprocess.Popen(["cosmos", "console", str(guest)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as console:
            console.stdin.write("piped\r")
            console.stdin.close()
            shown = ""
            while not shown.replace("\r", "").endswith("piped\npiped\n"):
                line = console.stdout.readline()
                self.assertTrue(line, shown)
                shown += line
            self.cosmos("destroy", guest)
            self.assertEqual((console.wait(20), console.stderr.read()), (0, ""))

    def test_xl_console_talks_to_our_guest(self):
        guest = self.create_one()
        with Terminal("xl", "console", guest) as terminal:
            terminal.expect(f"cosmos guest, domain {guest}, 4096 KiB\n")
            terminal.type("over xl\r")
            terminal.expect("over xl\nover xl\n")
            terminal.type(LEAVE)
            self.assertEqual(terminal.end(), 0)

    def test_without_one_says_so(self):
        guest = self.create_one("console='none'")
        self.wait_for_state(guest, "blocked")
        self.assertIsNone(self.read_store(f"/local/domain/{guest}/console"))
        self.refused(1, "console", guest, says="it was created without one")
        self.assertEqual(json.loads(self.cosmos("info", "--json", guest).out)["console"], "")
        self.assertEqual(self.cosmos("shutdown", "--wait", guest).out, f"Domain {guest} ended: poweroff\n")


class Fault(HostTest):
    def fault_of(self, name):
        guest = self.create_one(f"extra='fault={name}'")
        self.wait_for_state(guest, "crash")
        return guest

    def shown_by(self, guest):
        with Terminal("cosmos", "console", guest) as terminal:
            return terminal.expect("cr2 ")

    def test_invalid_opcode(self):
        self.assertIn("fault: invalid opcode\nrip ", self.shown_by(self.fault_of("ud")))

    def test_general_protection(self):
        self.assertIn("fault: general protection\nrip ", self.shown_by(self.fault_of("gp")))

    def test_page_fault(self):
        self.assertIn("fault: page fault\nrip ", self.shown_by(self.fault_of("pf")))

    def test_divide_error(self):
        self.assertIn("fault: divide error\nrip ", self.shown_by(self.fault_of("divide")))

    def test_stack_overflow(self):
        self.fault_of("stack")

    def test_crashed_guests_are_reaped_unless_to_be_preserved(self):
        lost = self.fault_of("ud")
        kept = self.create_one("extra='fault=ud'", "on_crash='preserve'")
        self.wait_for_state(kept, "crash")
        self.assertEqual(self.cosmos("reap").out, f"Collected domain {lost}: it had ended\n")
        self.assertEqual(list(self.guests()), [kept])
        self.cosmos("destroy", kept)
        self.assertEqual(self.guests(), {})

    def test_xl_sees_the_crash(self):
        guest = self.fault_of("pf")
        (row,) = [line.split() for line in self.xl("list").out.splitlines() if line.split()[-5] == str(guest)]
        self.assertIn("c", row[-2])
        self.assertEqual(command("xl", "destroy", guest).status, 0)
