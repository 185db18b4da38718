#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Tests of lab/xenlab: its pure parts, then a real emulated host. Run me: python3 tests/lab/test_xenlab.py"""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
from lablib import XENLAB, alive, children, main, xenlab  # noqa: E402
from outside import cache, cpio, errors, image, machine, options, session, sources  # noqa: E402

frames = session.frames


class CacheKey(unittest.TestCase):
    def test_depends_on_every_name_and_every_byte(self):
        keys = {cache.key({"a": b"1", "b": b"2"}), cache.key({"a": b"1", "b": b"3"}),
                cache.key({"a": b"1", "c": b"2"}), cache.key({"a": b"1"}), cache.key({"ab": b"12"})}
        self.assertEqual(len(keys), 5)

    def test_does_not_depend_on_order(self):
        self.assertEqual(cache.key({"a": b"1", "b": b"2"}), cache.key({"b": b"2", "a": b"1"}))

    def test_covers_the_package_list_and_the_scripts(self):
        self.assertLessEqual({"dom0/packages", "dom0/start", "dom0/agent.py", "image.py"}, set(image.ingredients()))


class Sources(unittest.TestCase):
    def written(self, files):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = pathlib.Path(folder) / name
                path.parent.mkdir(exist_ok=True)
                path.write_text(text)
            return sources.chosen(pathlib.Path(folder))

    def test_takes_debian_and_leaves_other_vendors(self):
        chosen = self.written({
            "sources.list.d/debian.sources": "Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm\n"
                                             "Components: main\n\nTypes: deb\nURIs: https://nodesource.example/x\n"
                                             "Suites: nodistro\nComponents: main\n",
            "sources.list.d/cloud.list": "deb https://cloud.example/apt cloud-sdk main\n"})
        self.assertEqual(list(chosen), ["debian.sources"])
        self.assertIn("mirror.example", chosen["debian.sources"])
        self.assertNotIn("nodesource", chosen["debian.sources"])

    def test_reads_one_line_sources(self):
        line = "deb http://deb.debian.org/debian bookworm main"
        chosen = self.written({"sources.list": f"# comment\n{line}\ndeb-src http://deb.debian.org/debian bookworm main\n"})
        self.assertEqual(chosen, {"sources.list": line + "\n"})

    def test_falls_back_to_debians_own(self):
        chosen = self.written({"sources.list": "deb http://archive.example/ubuntu jammy main\n"})
        self.assertIn("deb.debian.org/debian-security", chosen["debian.list"])


class Archive(unittest.TestCase):
    @unittest.skipUnless(shutil.which("cpio"), "there is no cpio here to read with")
    def test_is_read_by_cpio_with_its_folders(self):
        packed = cpio.archive({"init": (0o755, b"one"), "a/b/c": (0o644, b"three" * 1000)})
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["cpio", "-i", "--quiet"], input=packed, cwd=folder, check=True)
            root = pathlib.Path(folder)
            self.assertEqual((root / "a/b/c").read_bytes(), b"three" * 1000)
            self.assertEqual((root / "init").stat().st_mode & 0o777, 0o755)


class Frames(unittest.TestCase):
    def test_come_out_whole_however_they_arrive(self):
        stream = frames.pack(frames.OUT, b"x" * 300) + frames.pack(frames.EXIT) + frames.pack(frames.ERR, b"y")
        buffer, found = bytearray(), []
        for byte in stream:
            buffer.append(byte)
            while frame := frames.unpack(buffer):
                found.append(frame)
        self.assertEqual(found, [(frames.OUT, b"x" * 300), (frames.EXIT, b""), (frames.ERR, b"y")])


class CommandLine(unittest.TestCase):
    def settings(self, *arguments):
        return options.settings(options.parse([*arguments, "--", "true"])[0])

    def test_command_is_left_untouched(self):
        parsed, command = options.parse(["run", "--put", "a", "b", "--", "sh", "-c", "x -- y", "--", "--store"])
        self.assertEqual(command, ["sh", "-c", "x -- y", "--", "--store"])
        self.assertEqual([str(path) for path in parsed.put], ["a", "b"])

    def test_clock_decides_the_number_of_cpus(self):
        self.assertEqual(self.settings("run").cpus, 2)
        self.assertEqual(self.settings("run", "--clock", "instructions").cpus, 1)

    def test_instructions_clock_counts(self):
        words = machine.processor(self.settings("run", "--clock", "instructions"))
        self.assertIn("shift=0,sleep=off", words)
        self.assertNotIn("-icount", machine.processor(self.settings("run")))

    def test_what_does_not_belong_together_is_refused(self):
        for wrong in (["--clock", "instructions", "--cpus", "2"], ["--clock", "instructions", "--accel", "kvm"],
                      ["--memory", "1024"], ["--dom0-memory", "64"], ["--put", "/no/such/file"]):
            with self.subTest(wrong=wrong), self.assertRaises(errors.LabError) as caught:
                self.settings("run", *wrong)
            self.assertEqual(caught.exception.status, errors.WRONG_USAGE)

    def test_bad_options_end_with_status_2_and_say_why(self):
        for arguments, word in ((["run"], "no command"), (["run", "xl", "list"], "xl"), (["fly"], "fly"),
                                (["run", "--clock", "sun", "--", "true"], "sun"),
                                (["run", "--memory", "-1", "--", "true"], "positive"),
                                (["build", "--", "x"], "takes no command"), (["shell"], "terminal"),
                                (["run", "--build", "/nowhere", "--", "true"], "cmake --preset release")):
            with self.subTest(arguments=arguments):
                result = xenlab(*arguments)
                self.assertEqual(result.returncode, 2)
                self.assertIn(word, result.stderr)

    def test_help_teaches(self):
        for arguments in (["--help"], ["run", "--help"]):
            self.assertIn("xenlab run -- xl list", xenlab(*arguments).stdout)


class Host(unittest.TestCase):
    """Boots real hosts; the first one may have to be made."""

    @classmethod
    def setUpClass(cls):
        result = xenlab("run", "--no-project", "--", "true", limit=900)
        if result.returncode:
            raise RuntimeError(f"the lab does not run here:\n{result.stderr}")

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_in(self, script, *arguments):
        return xenlab("run", "--no-project", *arguments, "--", "sh", "-c", script, folder=self.folder)

    def start(self, script, *arguments):
        """Starts a command and returns the lab's process and QEMU's id, once the command has spoken."""
        lab = subprocess.Popen([XENLAB, "run", "--no-project", *arguments, "--", "sh", "-c", script],
                               cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(lab.stdout.close)
        self.addCleanup(lab.stderr.close)
        self.addCleanup(lab.kill)
        self.assertEqual(lab.stdout.readline(), "started\n")
        machines = children(lab.pid)
        self.assertEqual(len(machines), 1)
        return lab, machines[0]

    def assert_ends(self, process):
        end = time.monotonic() + 10
        while alive(process):
            self.assertLess(time.monotonic(), end, "QEMU survived")
            time.sleep(0.05)

    def test_is_xen_and_passes_output_and_status_through(self):
        result = self.run_in("xl list; cat /sys/hypervisor/type; echo wrong >&2; exit 7")
        self.assertEqual(result.returncode, 7)
        self.assertIn("Domain-0", result.stdout)
        self.assertIn("xen\n", result.stdout)
        self.assertEqual(result.stderr, "wrong\n")

    def test_statuses_of_the_shell(self):
        self.assertEqual(self.run_in("kill -9 $$").returncode, 137)
        self.assertEqual(xenlab("run", "--no-project", "--", "no-such-command").returncode, 127)

    def test_files_go_in_and_come_back_also_after_a_failure(self):
        (self.folder / "tree/deep").mkdir(parents=True)
        (self.folder / "tree/deep/leaf").write_bytes(bytes(range(256)) * 4096)
        (self.folder / "flat").write_text("flat\n")
        result = self.run_in("cat flat; mkdir out; cp tree/deep/leaf out/copy; echo log > /var/log/of-dom0; exit 3",
                             "--put", "tree", "flat", "--get", "out", "/var/log/of-dom0")
        self.assertEqual((result.returncode, result.stdout), (3, "flat\n"), result.stderr)
        self.assertEqual((self.folder / "out/copy").read_bytes(), bytes(range(256)) * 4096)
        self.assertEqual((self.folder / "of-dom0").read_text(), "log\n")

    def test_a_missing_file_is_named(self):
        result = self.run_in("true", "--get", "never-made")
        self.assertEqual(result.returncode, errors.LAB_FAILED)
        self.assertIn("never-made", result.stderr)

    def test_background_processes_do_not_keep_the_host(self):
        result = self.run_in("sleep 600 & echo done")
        self.assertEqual((result.returncode, result.stdout), (0, "done\n"))

    def test_time_limit_ends_the_host_and_saves_files(self):
        lab, qemu = self.start("echo kept > kept; echo started; sleep 600", "--timeout", "6", "--get", "kept")
        self.assertEqual(lab.wait(60), errors.TIMED_OUT)
        self.assertIn("time limit", lab.stderr.read())
        self.assertEqual((self.folder / "kept").read_text(), "kept\n")
        self.assert_ends(qemu)

    def test_ctrl_c_and_sigterm_end_the_host(self):
        for number, status in ((signal.SIGINT, errors.INTERRUPTED), (signal.SIGTERM, errors.TERMINATED)):
            with self.subTest(number=number):
                lab, qemu = self.start("echo started; sleep 600")
                lab.send_signal(number)
                self.assertEqual(lab.wait(20), status)
                self.assert_ends(qemu)

    def test_a_killed_lab_takes_the_host_with_it(self):
        lab, qemu = self.start("echo started; sleep 600")
        os.kill(lab.pid, signal.SIGKILL)
        lab.wait(20)
        self.assert_ends(qemu)

    def test_a_host_that_dies_is_reported_with_its_log(self):
        result = self.run_in("busybox reboot -f")
        self.assertEqual(result.returncode, errors.LAB_FAILED)
        self.assertIn("ended by itself", result.stderr)
        self.assertIn("(XEN)", result.stderr)

    def test_store_writes_its_trace_when_asked(self):
        script = "xenstore-write /probe seen; cat /var/log/xen/xenstored.trace"
        self.assertIn("/probe", self.run_in(script, "--trace").stdout)
        self.assertNotIn("/probe", self.run_in(script).stdout)


if __name__ == "__main__":
    main()
