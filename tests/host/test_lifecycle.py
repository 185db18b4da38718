# SPDX-License-Identifier: BSD-3-Clause
"""One guest from its creation to its end, and what each command says about it."""

import json
import re
import subprocess

from hostlib import HostTest, command, guest_config, wait_until


class Create(HostTest):
    def test_runs_the_guest_and_says_which_and_how_fast(self):
        self.destroy_at_end()
        said = self.cosmos("create", guest_config())
        found = re.fullmatch(r"Created domain (\d+) in (\d+\.\d{4}) s\n", said.out)
        self.assertTrue(found, said)
        self.assertEqual(said.err, "")
        self.assertGreater(float(found[2]), 0)
        self.wait_for_state(int(found[1]), "blocked")

    def test_quiet_prints_the_id_alone(self):
        self.destroy_at_end()
        said = self.cosmos("create", "-q", guest_config())
        self.assertRegex(said.out, r"\A\d+\n\Z")
        self.assertEqual(list(self.guests()), [int(said.out)])

    def test_json_names_the_guest(self):
        self.destroy_at_end()
        (made,) = json.loads(self.cosmos("create", "--json", guest_config(), "name=pine").out)
        self.assertEqual(made["name"], "pine")
        self.assertGreater(made["seconds"], 0)
        self.assertEqual(list(self.guests()), [made["id"]])

    def test_paused_uses_no_cpu_until_unpaused(self):
        guest = self.create_one("-p")
        self.assertEqual(self.state(guest), "paused")
        self.assertEqual(self.guests()[guest]["cpu_time_ns"], 0)
        self.cosmos("unpause", guest)
        self.wait_for_state(guest, "blocked")
        self.assertGreater(self.guests()[guest]["cpu_time_ns"], 0)

    def test_settings_win_over_the_file(self):
        guest = self.create_one("-p", "memory=8", "name = 'larch'")
        self.assertEqual(self.guests()[guest]["max_memory_kib"], 8192)
        self.assertEqual(self.read_store(f"/local/domain/{guest}/name"), "larch")

    def test_what_xl_knows_and_we_do_not_is_a_warning(self):
        self.destroy_at_end()
        said = self.cosmos("create", "-q", "-p", guest_config(), "vnc=1")
        self.assertRegex(said.err, r"\Awarning: [^\n]*vnc[^\n]*\n\Z")
        self.assertEqual(list(self.guests()), [int(said.out)])

    def test_times_say_where_they_went(self):
        self.destroy_at_end()
        said = self.cosmos("create", "-q", "-t", "-p", guest_config())
        found = re.fullmatch(r"time: hypervisor (\d+) us, XenStore (\d+) us, network (\d+) us, the rest (-?\d+) us, total (\d+) us\n", said.err)
        self.assertTrue(found, said.err)
        hypervisor, store, network, rest, total = map(int, found.groups())
        self.assertTrue(min(hypervisor, store, rest) > 0, said.err)
        self.assertEqual(network, 0, "a guest without a vif asks nothing of it")
        self.assertEqual(hypervisor + store + rest, total)
        times = json.loads(self.cosmos("list", "-t", "--json").err)["time_us"]
        self.assertEqual(times["hypervisor"] + times["xenstore"] + times["network"] + times["rest"],
                         times["total"])
        self.assertEqual(times["xenstore"], 0, "list asks the hypervisor alone")


class Destroy(HostTest):
    def test_ends_a_running_guest_at_once(self):
        guest = self.create_one()
        self.assertEqual(self.cosmos("destroy", guest), (0, "", ""))
        self.assertNotIn(guest, self.guests())
        self.assertIsNone(self.read_store(f"/local/domain/{guest}"))

    def test_ends_a_paused_guest(self):
        guest = self.create_one("-p")
        self.cosmos("destroy", guest)
        self.assertNotIn(guest, self.guests())

    def test_of_a_destroyed_guest_says_there_is_none(self):
        guest = self.create_one("-p")
        self.cosmos("destroy", guest)
        wait_until(lambda: f"\"id\":{guest}," not in self.cosmos("list", "--json").out, "its memory is free")
        self.refused(3, "destroy", guest, says="no such guest")

    def test_by_name(self):
        guest, other = self.create_one("-p", "name=oak"), self.create_one("-p", "name=elm")
        self.cosmos("destroy", "--name", "oak")
        self.assertEqual(list(self.guests()), [other])
        self.assertNotEqual(guest, other)


class EndByItself(HostTest):
    def test_shutdown_asks_and_the_guest_obeys(self):
        guest = self.create_one()
        self.wait_for_state(guest, "blocked")
        self.assertEqual(self.cosmos("shutdown", guest), (0, "", ""))
        self.wait_for_state(guest, "poweroff")
        self.assertEqual(self.read_store(f"/local/domain/{guest}/control/shutdown"), "", "acknowledged")

    def test_shutdown_wait_collects(self):
        guest = self.create_one()
        said = self.cosmos("shutdown", "--wait", guest)
        self.assertEqual(said.out, f"Domain {guest} ended: poweroff\n")
        self.assertNotIn(guest, self.guests())

    def test_shutdown_wait_leaves_what_is_to_be_preserved(self):
        guest = self.create_one("on_poweroff='preserve'")
        said = self.cosmos("shutdown", "--wait", "--json", guest)
        self.assertEqual(json.loads(said.out), [{"id": guest, "collected": False, "reason": "poweroff"}])
        self.assertEqual(self.cosmos("reap").out, "")
        self.assertEqual(self.state(guest), "poweroff")

    def test_shutdown_of_an_ended_guest_is_done(self):
        guest = self.create_one("extra='exit=poweroff'")
        self.wait_for_state(guest, "poweroff")
        self.cosmos("shutdown", "--wait", guest)
        self.assertNotIn(guest, self.guests())

    def test_reboot_ends_with_that_reason(self):
        guest = self.create_one()
        self.wait_for_state(guest, "blocked")
        self.cosmos("reboot", guest)
        self.wait_for_state(guest, "reboot")

    def test_reboot_wait_says_so(self):
        guest = self.create_one()
        self.assertEqual(self.cosmos("reboot", "--wait", guest).out, f"Domain {guest} ended: reboot\n")

    def test_reboot_with_config_creates_it_anew(self):
        guest = self.create_one()
        said = self.cosmos("reboot", "--config", guest_config(), guest)
        self.assertIn(f"Domain {guest} ended: reboot\n", said.out)
        (new,) = self.guests()
        self.assertNotEqual(new, guest)
        self.assertIn(f"Created domain {new}", said.out)

    def test_a_paused_guest_does_not_answer_within_the_time(self):
        guest = self.create_one("-p")
        line = self.refused(1, "shutdown", "--wait", "--timeout", "1", guest, says="not ended within 1 s")
        self.assertIn(f"cosmos destroy {guest}", line)
        self.assertEqual(self.state(guest), "paused")

    def test_wait_names_those_that_do_not_answer_and_collects_the_others(self):
        deaf, good = self.create_one("-p"), self.create_one()
        self.wait_for_state(good, "blocked")
        self.refused(1, "shutdown", "--wait", "--timeout", "10", deaf, good, says=f"domain {deaf} ")
        self.assertEqual(list(self.guests()), [deaf])

    def test_wait_hears_that_a_guest_is_destroyed_meanwhile(self):
        guest = self.create_one("-p")
        with subprocess.Popen(["cosmos", "shutdown", "--wait", str(guest)], stdout=subprocess.PIPE, text=True) as waiting:
            wait_until(lambda: self.read_store(f"/local/domain/{guest}/control/shutdown") == "poweroff", "it is asked")
            self.cosmos("destroy", guest)
            self.assertEqual(waiting.communicate(timeout=20)[0], f"Domain {guest} ended: gone\n")
        self.assertEqual(waiting.returncode, 0)


class Hold(HostTest):
    def test_pause_and_unpause(self):
        guest = self.create_one()
        self.wait_for_state(guest, "blocked")
        self.cosmos("pause", guest)
        self.assertEqual(self.state(guest), "paused")
        self.cosmos("unpause", guest)
        self.wait_for_state(guest, "blocked")

    def test_one_unpause_is_enough_however_often_it_was_paused(self):
        guest = self.create_one()
        self.cosmos("pause", guest)
        self.cosmos("pause", guest)
        self.cosmos("unpause", guest)
        self.wait_for_state(guest, "blocked")
        self.cosmos("unpause", guest)


class Show(HostTest):
    def test_list_without_guests_shows_none(self):
        self.assertEqual(self.guests(), {})
        self.assertEqual(len(self.cosmos("list").out.splitlines()), 1)

    def test_list_shows_id_state_and_name(self):
        guest = self.create_one("-p", "name=birch")
        row = self.cosmos("list", "--names").out.splitlines()[1].split()
        self.assertEqual([row[0], row[1], row[2], row[4], row[-1]], [str(guest), "paused", "1", "4", "birch"])
        self.assertNotIn("birch", self.cosmos("list").out)
        (known,) = json.loads(self.cosmos("list", "--names", "--json").out)
        self.assertEqual((known["id"], known["name"], known["ours"], known["unfinished"]), (guest, "birch", True, False))

    def test_info_by_id_and_by_name(self):
        guest = self.create_one("-p", "name=fir")
        known = dict(line.split(None, 1) for line in self.cosmos("info", guest).out.splitlines())
        self.assertEqual((known["id"], known["name"], known["state"]), (str(guest), "fir", "paused"))
        self.assertEqual(known["uuid"], json.loads(self.cosmos("info", "--json", "--name", "fir").out)["uuid"])
        self.refused(3, "info", "--name", "ash", says="no guest is named 'ash'")

    def test_two_guests_of_one_name_are_told_apart_by_id(self):
        first, second = self.create_one("-p", "name=yew"), self.create_one("-p", "name=yew")
        self.refused(1, "destroy", "--name", "yew", says=f"domains {first} and {second} both have that name")


class Reap(HostTest):
    def test_collects_what_ended_and_leaves_what_runs(self):
        running = self.create_one()
        ended = {self.create_one(f"extra='exit={how}'"): how for how in ("poweroff", "reboot", "crash")}
        for guest, how in ended.items():
            self.wait_for_state(guest, how)
        causes = {entry["id"]: entry["cause"] for entry in json.loads(self.cosmos("reap", "--json").out)}
        self.assertEqual(causes, {guest: "ended" for guest in ended})
        self.assertEqual(list(self.guests()), [running])

    def test_with_nothing_to_do_says_nothing(self):
        self.assertEqual(self.cosmos("reap"), (0, "", ""))

    def test_collects_a_record_without_a_domain(self):
        command("xenstore-write", "/local/domain/32001/name", "ghost")
        self.assertEqual(self.cosmos("reap").out, "Collected domain 32001: only its record in XenStore was left\n")


class Words(HostTest):
    def test_version_and_help_need_no_xen(self):
        self.assertRegex(self.cosmos("version").out, r"\Acosmos \d+\.\d+\.\d+\n\Z")
        self.assertEqual(self.cosmos("--version"), self.cosmos("version"))
        overview = self.cosmos("help").out
        for entry in json.loads(self.cosmos("help", "--json").out):
            self.assertIn(entry["name"], overview)
            self.assertEqual(self.cosmos("help", *entry["name"].split()).out,
                             self.cosmos(*entry["name"].split(), "--help").out)

    def test_completion_is_bash_and_offers_the_commands(self):
        script = self.write("completion", self.cosmos("completion", "bash").out)
        offered = command("bash", "-c", f"source {script}; COMP_WORDS=(cosmos un) COMP_CWORD=1; _cosmos; "
                                        "echo ${COMPREPLY[@]}")
        self.assertEqual(offered, (0, "unpause\n", ""))
