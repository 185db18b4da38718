# SPDX-License-Identifier: BSD-3-Clause
"""Many guests by one command, and words that mean several of them."""

import json
import re
import signal
import subprocess
import time

from hostlib import HostTest, guest_config, wait_until
from terminals import Terminal


class CreateMany(HostTest):
    def test_a_hundred_in_one_command(self):
        self.destroy_at_end()
        said = self.cosmos("create", "-n", "100", guest_config(), limit=300)
        found = re.fullmatch(r"Created 100 domains, (\d+)-(\d+), in (\d+\.\d{4}) s, (\d+\.\d{4}) s each\n", said.out)
        self.assertTrue(found, said)
        first, last = int(found[1]), int(found[2])
        self.assertEqual(list(self.guests()), list(range(first, last + 1)))
        wait_until(lambda: all(guest["state"] == "blocked" for guest in self.guests().values()), "all run and idle")
        self.cosmos("destroy", f"{first}-{last}", limit=300)
        self.assertEqual(self.guests(), {})

    def test_each_has_a_name_of_its_own(self):
        guests = self.create("-p", "-n", "3", "name=reed")
        listed = json.loads(self.cosmos("list", "--names", "--json").out)
        self.assertEqual([guest["name"] for guest in listed], [f"reed-{guest}" for guest in guests])

    def test_json_lists_all(self):
        self.destroy_at_end()
        made = json.loads(self.cosmos("create", "-n", "3", "-p", "--json", guest_config()).out)
        self.assertEqual([guest["id"] for guest in made], list(self.guests()))

    def test_progress_is_shown_on_a_terminal_alone(self):
        self.destroy_at_end()
        self.assertEqual(self.cosmos("create", "-p", "-n", "2", guest_config()).err, "")
        with Terminal("cosmos", "create", "-p", "-n", "4", guest_config()) as terminal:
            terminal.expect("4/4 guests")
            terminal.expect("Created 4 domains")
            self.assertEqual(terminal.end(), 0)

    def test_when_memory_ends_those_before_stay_whole(self):
        self.destroy_at_end()
        free = int(re.search(r"free_memory *: (\d+)", self.xl("info").out)[1])
        each = free // 3 + 8
        said = self.cosmos("create", "-p", "-q", "-n", "5", guest_config(), f"memory={each}", status=1)
        self.assertRegex(said.err, rf"\Acosmos: cannot create the guest: it needs {each} MiB of memory[^\n]*\n\Z")
        self.assertEqual(list(self.guests()), [int(line) for line in said.out.split()])
        self.assertEqual(len(self.guests()), 2)

    def test_ctrl_c_ends_the_batch_between_two_guests(self):
        self.destroy_at_end()
        with subprocess.Popen(["cosmos", "create", "-q", "-n", "500", str(guest_config())], stdout=subprocess.PIPE,
                              text=True) as batch:
            wait_until(lambda: len(self.guests()) >= 2, "the batch is under way")
            batch.send_signal(signal.SIGINT)
            made = [int(line) for line in batch.communicate(timeout=60)[0].split()]
        self.assertEqual(batch.returncode, 130)
        self.assertLess(len(made), 500)
        self.assertEqual(list(self.guests()), made)
        self.assertFalse(any(guest["unfinished"] for guest in self.guests().values()))


class Several(HostTest):
    def test_ranges_and_lists_of_ids(self):
        guests = self.create("-p", "-n", "8")
        first = guests[0]
        self.cosmos("destroy", f"{first}-{first + 2}")
        self.assertEqual(list(self.guests()), guests[3:])
        self.cosmos("destroy", f"{guests[3]},{guests[5]}", guests[7])
        self.assertEqual(list(self.guests()), [guests[4], guests[6]])

    def test_a_range_means_those_of_it_that_exist(self):
        guests = self.create("-p", "-n", "3")
        self.cosmos("destroy", guests[1])
        self.cosmos("unpause", f"{guests[0]}-{guests[2] + 100}")
        for guest in (guests[0], guests[2]):
            self.wait_for_state(guest, "blocked")

    def test_an_id_said_twice_is_one_guest(self):
        guest = self.create_one("-p")
        self.cosmos("destroy", guest, f"{guest},{guest}", f"{guest}-{guest + 1}")
        self.assertEqual(self.guests(), {})

    def test_one_that_does_not_exist_spares_the_others(self):
        guest = self.create_one("-p")
        self.refused(3, "destroy", guest, guest + 1000, says=f"domain {guest + 1000}: no such guest")
        self.assertEqual(list(self.guests()), [guest])

    def test_all_takes_a_yes(self):
        self.create("-p", "-n", "2")
        self.refused(2, "destroy", "all", says="--yes")
        self.assertEqual(len(self.guests()), 2)
        self.cosmos("destroy", "all", "--yes")
        self.assertEqual(self.guests(), {})

    def test_all_of_none_is_done(self):
        self.assertEqual(self.cosmos("destroy", "all", "--yes"), (0, "", ""))

    def test_pause_unpause_and_shutdown_of_a_batch(self):
        guests = self.create("-n", "4")
        everyone = f"{guests[0]}-{guests[-1]}"
        self.cosmos("pause", everyone)
        self.assertEqual({guest["state"] for guest in self.guests().values()}, {"paused"})
        self.cosmos("unpause", everyone)
        said = self.cosmos("shutdown", "--wait", everyone)
        self.assertEqual(sorted(said.out.splitlines()), sorted(f"Domain {guest} ended: poweroff" for guest in guests))
        self.assertEqual(self.guests(), {})


class QuickSuccession(HostTest):
    def test_guests_that_live_for_a_moment_leave_nothing(self):
        # xenconsoled hears of each while it is already going, and must not write into the void.
        for _ in range(10):
            made = self.cosmos("create", "-q", guest_config()).out
            self.cosmos("destroy", made.strip())
        time.sleep(1)


class TwoAtOnce(HostTest):
    def test_two_batches_share_the_host(self):
        self.destroy_at_end()
        batches = [subprocess.Popen(["cosmos", "create", "-q", "-n", "10", str(guest_config())],
                                    stdout=subprocess.PIPE, text=True) for _ in range(2)]
        made = [int(line) for batch in batches for line in batch.communicate(timeout=120)[0].split()]
        self.assertEqual([batch.returncode for batch in batches], [0, 0])
        self.assertEqual(len(set(made)), 20)
        self.assertEqual(list(self.guests()), sorted(made))
        self.cosmos("shutdown", "--wait", "all", "--yes", limit=120)

    def test_one_creates_while_another_destroys(self):
        doomed = self.create("-p", "-n", "10")
        with subprocess.Popen(["cosmos", "create", "-q", "-n", "10", str(guest_config())], stdout=subprocess.PIPE,
                              text=True) as batch:
            for guest in doomed:
                self.cosmos("destroy", guest)
            made = [int(line) for line in batch.communicate(timeout=120)[0].split()]
        self.assertEqual(list(self.guests()), made)

    def test_two_destroy_the_same(self):
        guests = self.create("-p", "-n", "10")
        both = [subprocess.Popen(["cosmos", "destroy", f"{guests[0]}-{guests[-1]}"], stderr=subprocess.PIPE, text=True)
                for _ in range(2)]
        said = [one.communicate(timeout=60)[1] for one in both]
        self.assertIn(0, [one.returncode for one in both], said)
        self.assertLessEqual({one.returncode for one in both}, {0, 3}, said)
        self.assertEqual(self.guests(), {})

    def test_reap_leaves_alone_what_another_is_creating(self):
        self.destroy_at_end()
        with subprocess.Popen(["cosmos", "create", "-q", "-n", "15", str(guest_config())], stdout=subprocess.PIPE,
                              text=True) as batch:
            while batch.poll() is None:
                self.assertEqual(self.cosmos("reap").out, "")
            made = [int(line) for line in batch.stdout.read().split()]
        self.assertEqual(len(made), 15)
        self.assertEqual(list(self.guests()), made)
