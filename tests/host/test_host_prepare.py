# SPDX-License-Identifier: BSD-3-Clause
"""host check, host prepare and host cache add on a real control domain, whose settings come back at the end."""

import json
import os
import pathlib
import unittest

from hostlib import HostTest, command, guest_config, installed

SETTINGS = {
    "kernel.pty.max": "/proc/sys/kernel/pty/max",
    "kernel.pid_max": "/proc/sys/kernel/pid_max",
    "kernel.threads-max": "/proc/sys/kernel/threads-max",
    "fs.file-max": "/proc/sys/fs/file-max",
    "xen_netback.max_queues": "/sys/module/xen_netback/parameters/max_queues",
    "fs.inotify.max_user_instances": "/proc/sys/fs/inotify/max_user_instances",
    "fs.inotify.max_user_watches": "/proc/sys/fs/inotify/max_user_watches",
    "net.ipv4.neigh.default.gc_thresh1": "/proc/sys/net/ipv4/neigh/default/gc_thresh1",
    "net.ipv4.neigh.default.gc_thresh2": "/proc/sys/net/ipv4/neigh/default/gc_thresh2",
    "net.ipv4.neigh.default.gc_thresh3": "/proc/sys/net/ipv4/neigh/default/gc_thresh3",
    "net.ipv4.ip_forward": "/proc/sys/net/ipv4/ip_forward",
}
RAMDISK = pathlib.Path("/run/cosmos")
GUESTS = 10_000
CONSOLE_FILES = "open files of xenconsoled"
UNSETTABLE = {"store daemon", "free Xen memory", "free memory of dom0", "event channels of dom0"}


def daemon(name):
    return command("pidof", name).out.strip()


class HostSettings(HostTest):
    """Begins with a host that nobody prepared, and leaves it so."""

    def setUp(self):
        super().setUp()
        if os.path.ismount(RAMDISK):
            raise unittest.SkipTest(f"this host is prepared already: {RAMDISK} is mounted")
        for path in SETTINGS.values():
            self.addCleanup(pathlib.Path(path).write_text, pathlib.Path(path).read_text())
        for name in ("xenstored", "oxenstored", "xenconsoled"):
            if pid := daemon(name):
                limits = command("prlimit", "--pid", pid, "--nofile", "-o", "SOFT,HARD", "--noheadings").out.split()
                self.addCleanup(command, "prlimit", "--pid", pid, f"--nofile={':'.join(limits)}")
                cpus = command("taskset", "-c", "-p", pid).out.split()[-1]
                self.addCleanup(command, "taskset", "-a", "-c", "-p", cpus, pid)
        self.addCleanup(command, "xl", "vcpu-pin", "0", "all", "all")
        self.addCleanup(lambda: os.path.ismount(RAMDISK) and command("umount", RAMDISK))
        self.addCleanup(self._remove_switches, self.switches())
        # As Debian's daemons and kernel begin.
        command("prlimit", "--pid", daemon("xenconsoled"), "--nofile=1024:4096")
        pathlib.Path(SETTINGS["kernel.pty.max"]).write_text("4096")
        pathlib.Path(SETTINGS["xen_netback.max_queues"]).write_text("4")

    def switches(self):
        return {entry["name"] for entry in json.loads(self.cosmos("switch", "list", "--json").out)}

    def _remove_switches(self, before):
        for name in self.switches() - before:
            self.cosmos("switch", "remove", name)

    def values(self):
        return {name: int(pathlib.Path(path).read_text()) for name, path in SETTINGS.items()}

    def console_limit(self):
        return int(command("prlimit", "--pid", daemon("xenconsoled"), "--nofile", "-o", "SOFT", "--noheadings").out)

    def check(self, *words):
        result = command("cosmos", "host", "check", "--guests", GUESTS, "--json", *words)
        items = {item["item"]: item for item in json.loads(result.out)}
        self.assertEqual(result.status, 0 if all(item["ok"] for item in items.values()) else 1)
        return items

    def prepare(self, *words):
        """What prepare says, by lines; its status is 1 where something is short that it cannot set."""
        result = command("cosmos", "host", "prepare", "--guests", GUESTS, *words)
        self.assertEqual(result.status, 1 if result.err else 0, result)
        for line in result.err.splitlines():
            self.assertRegex(line, f"^cosmos: ({'|'.join(UNSETTABLE)}): ")
        return result.out.splitlines()


class Check(HostSettings):
    def test_says_what_is_short_and_why(self):
        items = self.check()
        for name in ("kernel.pty.max", "xen_netback.max_queues", CONSOLE_FILES, str(RAMDISK)):
            self.assertFalse(items[name]["ok"], items[name])
            self.assertTrue(items[name]["reason"])
        self.assertEqual(items[CONSOLE_FILES]["have"], "1024")

    def test_tells_people_the_same_as_programs(self):
        table = command("cosmos", "host", "check", "--guests", GUESTS).out.splitlines()
        self.assertRegex(table[0], r"^ITEM +HAVE +NEED +REASON$")
        for line, item in zip(table[1:], self.check().values(), strict=True):
            self.assertTrue(line.startswith(item["item"]))
            self.assertEqual(" SHORT " in line, not item["ok"])

    def test_names_the_daemon_that_runs(self):
        running = "oxenstored" if daemon("oxenstored") else "xenstored"
        self.assertEqual(self.check()["store daemon"]["have"], running)
        self.assertEqual(self.check()["store daemon"]["ok"], running == "oxenstored")

    def test_changes_nothing(self):
        before = self.values()
        self.check()
        self.assertEqual((self.values(), self.console_limit()), (before, 1024))
        self.assertFalse(os.path.ismount(RAMDISK))

    def test_a_running_guest_is_not_to_come_any_more(self):
        need = lambda: int(self.check()["free Xen memory"]["need"].split()[0])  # noqa: E731
        before = need()
        self.create("-p", "-n", "10")
        self.assertEqual(before - need(), 41)


class Prepare(HostSettings):
    def test_dry_run_says_it_and_sets_nothing(self):
        before = self.values()
        would = self.prepare("--dry-run")
        self.assertIn("would set kernel.pty.max: 4096 -> 11024", would)
        self.assertEqual((self.values(), self.console_limit()), (before, 1024))
        self.assertFalse(os.path.ismount(RAMDISK))
        self.assertEqual([f"would set {line}" for line in self.prepare()], would)

    def test_sets_what_is_short_and_nothing_a_second_time(self):
        self.assertIn("kernel.pty.max: 4096 -> 11024", self.prepare())
        self.assertEqual(self.values()["kernel.pty.max"], 11024)
        self.assertEqual(self.values()["xen_netback.max_queues"], 1)
        self.assertEqual(self.console_limit(), 40256)
        self.assertEqual(len(self.switches()), 10)
        self.assertLessEqual({name for name, item in self.check().items() if not item["ok"]}, UNSETTABLE)
        self.assertEqual(self.prepare(), ["nothing to change"])

    def test_gives_the_daemons_their_cpus(self):
        self.prepare()
        store = daemon("oxenstored") or daemon("xenstored")
        last = str(os.cpu_count() - 1)
        for line in command("taskset", "-a", "-c", "-p", store).out.splitlines():
            self.assertEqual(line.split()[-1], last)

    def test_a_guest_boots_from_the_ram_disk_alone(self):
        self.prepare()
        config = RAMDISK / "configs" / guest_config().name
        self.assertIn(f"'{RAMDISK}/images/guest.elf'", config.read_text())
        self.wait_for_state(self.create_one(config=config), "blocked")

    def test_needs_roots_rights(self):
        def nobody():
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        self.refused(1, "host", "prepare", setup=nobody)

    def test_the_ram_disk_grows_and_keeps_what_it_holds(self):
        self.prepare("--ramdisk-size", "8")
        (RAMDISK / "images/mine").write_text("mine")
        lines = self.prepare("--ramdisk-size", "16")
        self.assertIn(f"{RAMDISK}: RAM disk of 8 MiB -> RAM disk of 16 MiB", lines)
        self.assertEqual((RAMDISK / "images/mine").read_text(), "mine")


class Cache(HostSettings):
    def setUp(self):
        super().setUp()
        self.prepare("--ramdisk-size", "4")

    def test_prints_the_path_that_a_config_may_name(self):
        image = self.write("web.elf", installed("guest.elf").read_bytes())
        path = self.cosmos("host", "cache", "add", image).out.strip()
        self.assertEqual(path, f"{RAMDISK}/images/web.elf")
        image.unlink()
        self.wait_for_state(self.create_one(f"kernel='{path}'"), "blocked")

    def test_says_when_it_replaces_a_different_file(self):
        image = self.write("web.elf", b"one")
        for content, says in ((b"one", ""), (b"one", ""), (b"two", "replaces a different file")):
            image.write_bytes(content)
            result = self.cosmos("host", "cache", "add", image)
            self.assertIn(says, result.err)
            self.assertEqual(bool(result.err), bool(says))
        self.assertEqual((RAMDISK / "images/web.elf").read_bytes(), b"two")

    def test_of_a_directory_the_files_right_in_it(self):
        for name in ("a", "b", ".hidden"):
            self.write(name, name)
        (self.folder / "below").mkdir()
        self.write("below/c", "c")
        self.assertEqual(self.cosmos("host", "cache", "add", self.folder).out.split(),
                         [f"{RAMDISK}/images/a", f"{RAMDISK}/images/b"])

    def test_without_room_leaves_no_part_and_the_old_one(self):
        image = self.write("big", b"small")
        self.cosmos("host", "cache", "add", image)
        image.write_bytes(bytes(8 << 20))
        before = sorted(path.name for path in (RAMDISK / "images").iterdir())
        self.refused(1, "host", "cache", "add", image, says="No space left on device")
        self.assertEqual(sorted(path.name for path in (RAMDISK / "images").iterdir()), before)
        self.assertEqual((RAMDISK / "images/big").read_bytes(), b"small")

    def test_bad_input(self):
        os.mkfifo(self.folder / "fifo")
        (self.folder / "empty").mkdir()
        for path, says in (("/nowhere", "No such file"), ("/dev/zero", "not a regular file"),
                           (self.folder / "fifo", "not a regular file"), (self.folder / "empty", "no regular file")):
            with self.subTest(path=path):
                self.refused(1, "host", "cache", "add", path, says=says)
        self.refused(2, "host", "cache", "add", says="IMAGE|DIR is missing")
        self.refused(2, "host", "check", "--guests", "0", says="from 1 to 32751")
        self.refused(2, "host", "prepare", "--guests", "many", says="expected a number")

    def test_without_a_ram_disk_says_who_mounts_it(self):
        command("umount", RAMDISK)
        self.refused(1, "host", "cache", "add", installed("guest.elf"), says="host prepare")


class Names(HostTest):
    """Commands whose names are of several words."""

    def test_the_first_word_alone_lists_them(self):
        listed = self.cosmos("host").out
        for name in ("host check", "host prepare", "host cache add"):
            self.assertIn(name, listed)
        self.assertNotIn("destroy", listed)
        self.assertEqual(self.cosmos("help", "host").out, listed)

    def test_a_misspelt_one_is_guessed(self):
        self.refused(2, "host", "chek", says="there is no command 'host chek'; did you mean 'host check'?")
        self.refused(2, "hots", "check", says="did you mean 'host check'?")
        self.refused(2, "host", "cache", "ad", says="did you mean 'host cache add'?")

    def test_completion_goes_word_by_word(self):
        script = self.write("completion", self.cosmos("completion", "bash").out)

        def offered(*words):
            typed = " ".join(f"'{word}'" for word in words)
            return command("bash", "-c", f"source {script}; COMP_WORDS=(cosmos {typed}) COMP_CWORD={len(words)}; "
                                         "_cosmos; echo ${COMPREPLY[@]}").out.split()
        self.assertEqual(offered("ho"), ["host"])
        self.assertEqual(offered("host", ""), ["check", "prepare", "cache"])
        self.assertEqual(offered("help", "host", "cache", ""), ["add"])
        self.assertEqual(offered("host", "prepare", "--d"), ["--dry-run"])
