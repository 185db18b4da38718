# SPDX-License-Identifier: BSD-3-Clause
"""Whatever is wrong with what cosmos is given: one clear line, the documented status, nothing left."""

import os
import re
import struct

from hostlib import HostTest, command, guest_config, image, installed

FAILED, USAGE, NO_GUEST, NO_XEN = 1, 2, 3, 4

# Offsets in ELF64's headers (elf.h).
E_PHOFF, E_SHOFF, E_PHENTSIZE, E_PHNUM, E_SHENTSIZE, E_SHNUM = 0x20, 0x28, 0x36, 0x38, 0x3A, 0x3C
P_TYPE, P_OFFSET, P_VADDR, P_PADDR, P_FILESZ, P_MEMSZ, PROGRAM_HEADER = 0x00, 0x08, 0x10, 0x18, 0x20, 0x28, 0x38
PT_LOAD = 1


class Elf:
    """Our guest's image, to be damaged."""

    def __init__(self, path=None):
        self.bytes = bytearray((path or installed("guest.elf")).read_bytes())

    def patch(self, offset, form, value):
        struct.pack_into(form, self.bytes, offset, value)
        return self

    def loads(self):
        """Offsets of the program headers of what is loaded."""
        start, = struct.unpack_from("<Q", self.bytes, E_PHOFF)
        count, = struct.unpack_from("<H", self.bytes, E_PHNUM)
        headers = [start + i * PROGRAM_HEADER for i in range(count)]
        return [offset for offset in headers if struct.unpack_from("<I", self.bytes, offset)[0] == PT_LOAD]

    def field(self, header, offset):
        return struct.unpack_from("<Q", self.bytes, header + offset)[0]


class Kernel(HostTest):
    def refuses(self, kernel, says, *settings):
        line = self.refused(FAILED, "create", guest_config(), f"kernel='{kernel}'", *settings, says=says)
        self.assertIn(str(kernel), line, "it names the file")

    def refuses_image(self, content, says):
        self.refuses(self.write("kernel", bytes(content)), says)

    def test_missing(self):
        self.refuses("/nowhere/kernel", "No such file or directory")

    def test_directory(self):
        self.refuses("/usr", "it is a directory")

    def test_fifo_and_device(self):
        os.mkfifo(self.folder / "fifo")
        self.refuses(self.folder / "fifo", "it is not a regular file")
        self.refuses("/dev/zero", "it is not a regular file")

    def test_empty(self):
        self.refuses_image(b"", "it is empty")

    def test_no_kernel_at_all(self):
        self.refuses(guest_config(), "")
        self.refuses_image(os.urandom(100_000), "")

    def test_elf_that_is_no_guest_kernel(self):
        self.refuses("/bin/busybox", "")

    def test_cut_short(self):
        whole = installed("guest.elf").read_bytes()
        for length in (1, 4, 63, 64, 100, len(whole) // 2):
            with self.subTest(length=length):
                self.refuses_image(whole[:length], "")

    def test_absurd_headers(self):
        for offset, form, value in ((E_PHOFF, "<Q", 2**64 - 1), (E_PHOFF, "<Q", 10**9), (E_PHNUM, "<H", 0),
                                    (E_PHNUM, "<H", 65535), (E_PHENTSIZE, "<H", 1)):
            with self.subTest(offset=offset, value=value):
                self.refuses_image(Elf().patch(offset, form, value).bytes, "")

    def test_absurd_sections_where_the_notes_are_in_one(self):
        for offset, form, value in ((E_SHOFF, "<Q", 2**63), (E_SHOFF, "<Q", 10**9), (E_SHNUM, "<H", 0),
                                    (E_SHNUM, "<H", 65535), (E_SHENTSIZE, "<H", 1)):
            with self.subTest(offset=offset, value=value):
                self.refuses_image(Elf(image("guest-shtnote.elf")).patch(offset, form, value).bytes, "")

    def test_absurd_segments(self):
        for offset, value in ((P_OFFSET, 2**64 - 1), (P_OFFSET, 10**9), (P_FILESZ, 2**63), (P_FILESZ, 10**9),
                              (P_MEMSZ, 2**63), (P_MEMSZ, 0), (P_PADDR, 2**64 - 4096)):
            with self.subTest(offset=offset, value=value):
                elf = Elf()
                self.refuses_image(elf.patch(elf.loads()[0] + offset, "<Q", value).bytes, "")

    def test_overlapping_segments(self):
        elf = Elf()
        first, second = elf.loads()[:2]
        for offset in (P_VADDR, P_PADDR):
            elf.patch(second + offset, "<Q", elf.field(first, offset))
        self.refuses_image(elf.bytes, "overlap")


class Memory(HostTest):
    def test_too_small_for_the_kernel(self):
        elf = Elf()
        elf.patch(elf.loads()[-1] + P_MEMSZ, "<Q", 3 << 20)
        kernel = self.write("large", bytes(elf.bytes))
        self.refused(FAILED, "create", guest_config(), f"kernel='{kernel}'", "memory=2", says="memory")

    def test_none_and_less(self):
        for value in ("0", "-4"):
            self.refused(USAGE, "create", guest_config(), f"memory={value}", says="MiB")

    def test_larger_than_the_host_has(self):
        self.refused(FAILED, "create", guest_config(), "memory=100000", says="it needs 100000 MiB of memory, the host has")

    def test_absurdly_huge(self):
        for value in ("99999999", "18446744073709551616", "9" * 400):
            self.refused(USAGE, "create", guest_config(), f"memory={value}", says="MiB")


class Vcpus(HostTest):
    def test_none_and_too_many(self):
        for value in (0, -1, 1000, 2**64):
            self.refused(USAGE, "create", guest_config(), f"vcpus={value}", says="vCPUs")

    def test_as_many_as_a_config_may_ask_for_or_one_line(self):
        # 4 MiB hold a guest, and not what 512 vCPUs take; either is right, a half-made guest is not.
        said = self.cosmos("create", "-p", "-q", guest_config(), "vcpus=512", "memory=64")
        self.cosmos("destroy", said.out.strip())

    def test_cpus_that_the_host_has_not(self):
        self.refused(FAILED, "create", guest_config(), "cpus='500'")


class Config(HostTest):
    def refuses(self, content, says, status=USAGE):
        path = self.write("bad.cfg", content)
        line = self.refused(status, "create", path, says=says)
        self.assertIn(str(path), line, "it names the file")
        return line

    def test_missing_and_directory(self):
        self.refused(FAILED, "create", "/nowhere/guest.cfg", says="No such file or directory")
        self.refused(USAGE, "create", "/usr", says="directory")

    def test_empty(self):
        self.refuses("", "kernel")

    def test_ten_megabytes(self):
        self.refuses("# nothing\n" * 1_000_000, "too many")

    def test_binary_bytes(self):
        self.refuses(bytes(range(256)) * 16, "")
        self.refuses(b"name = '\0'\n", "")

    def test_unterminated_strings_and_lists(self):
        self.assertIn(":2:", self.refuses("memory = 4\nkernel = '/boot", ""))
        self.refuses("kernel = \"/boot\nmemory = 4\n", "")
        self.refuses("cpus = [ '1', ", "")

    def test_unknown_key_and_the_nearest(self):
        line = self.refuses("kernel = '/k'\nmemroy = 4\n", "memory")
        self.assertRegex(line, r":2:1: .*memroy")

    def test_wrong_type(self):
        for value in ("'much'", "[ 4 ]"):
            line = self.refuses(f"kernel = '/k'\nmemory = {value}\n", "expected a number of MiB")
            self.assertIn(":2:10:", line)

    def test_bad_settings_on_the_command_line(self):
        for setting in ("memory", "memory=", "=4", "memroy=4", "name='", "memory=4;memory=5x"):
            with self.subTest(setting=setting):
                self.refused(USAGE, "create", guest_config(), setting)

    def test_names_that_would_not_be_names(self):
        for name in ("", "a/b", "x" * 5000, "new\nline"):
            with self.subTest(name=name[:20]):
                self.refused(USAGE, "create", guest_config(), f"name='{name}'")


class CommandLine(HostTest):
    def test_unknown_command_and_the_nearest(self):
        self.refused(USAGE, "creat", says="'create'")
        self.refused(USAGE, "frobnicate", says="there is no command 'frobnicate'")

    def test_unknown_option(self):
        for verb in ("create", "list", "destroy", "console"):
            self.refused(USAGE, verb, "--frobnicate", says="--frobnicate")
        self.refused(USAGE, "--frobnicate", says="--frobnicate")

    def test_missing_arguments(self):
        for verb in ("create", "destroy", "shutdown", "pause", "info", "console"):
            self.refused(USAGE, verb)

    def test_too_many_arguments(self):
        self.refused(USAGE, "info", "1", "2")
        self.refused(USAGE, "list", "1")

    def test_counts(self):
        for count in ("0", "-1", "1000000", "ten", "99999999999999999999"):
            self.refused(USAGE, "create", "-n", count, guest_config())

    def test_timeouts(self):
        for timeout in ("0", "-1", "soon", "99999999999999999999"):
            self.refused(USAGE, "shutdown", "--wait", "--timeout", timeout, "1")

    def test_json_errors_are_json(self):
        said = self.cosmos("info", "--json", "32000", status=NO_GUEST)
        self.assertRegex(said.err, r'\A\{"error":"[^\n]*","hint":"[^\n]*","status":3\}\n\Z')


class Ids(HostTest):
    COMMANDS = ("destroy", "shutdown", "reboot", "pause", "unpause", "info", "console")

    def test_that_do_not_exist(self):
        for verb in self.COMMANDS:
            self.refused(NO_GUEST, verb, "31999", says="domain 31999: no such guest")
        self.refused(NO_GUEST, "destroy", "31000-31999", says="there is no guest from 31000 to 31999")

    def test_the_control_domain_is_no_guest(self):
        for verb in ("destroy", "shutdown", "reboot", "pause", "unpause", "console"):
            self.refused(FAILED, verb, "0", says="it is the control domain")
        self.assertEqual(self.cosmos("info", "0").status, 0)

    def test_negative_huge_and_nonsense(self):
        for word in ("-1", "32752", "65535", "65536", "4294967296", "9" * 50, "1.5", "0x5", "five", "", " 5", "5-", "-5",
                     "1,,2", ",", "1-2-3", "5 6"):
            for verb in ("destroy", "info"):
                with self.subTest(command=verb, word=word):
                    self.refused(USAGE, verb, "--", word)

    def test_ranges_reversed(self):
        self.refused(USAGE, "destroy", "9-5", says="5-9")

    def test_a_name_that_nobody_has(self):
        self.refused(NO_GUEST, "pause", "--name", "nobody", says="no guest is named 'nobody'")


def nobody():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


class Surroundings(HostTest):
    ALL = (("create", guest_config()), ("destroy", "1"), ("shutdown", "1"), ("pause", "1"), ("unpause", "1"), ("list",),
           ("info", "1"), ("console", "1"), ("reap",))

    def hiding(self, *folders):
        """Words that run a command where these folders are empty."""
        mounts = "".join(f"mount -t tmpfs none {folder} && " for folder in folders)
        return ("unshare", "-m", "sh", "-c", f'{mounts}exec "$@"', "sh", "cosmos")

    def refused_there(self, status, place, words, says):
        result = command(*place, *words)
        self.assertEqual(result.status, status, f"{words}: {result}")
        self.assertRegex(result.err, r"\Acosmos: [^\n]+\n\Z")
        self.assertRegex(result.err, says)

    def test_no_rights(self):
        for words in self.ALL:
            with self.subTest(command=words[0]):
                self.refused(FAILED, *words, says="root", setup=nobody)

    def test_no_xen(self):
        place = self.hiding("/dev/xen", "/proc/xen")
        for words in self.ALL:
            with self.subTest(command=words[0]):
                self.refused_there(NO_XEN, place, words, r"not the control domain of a Xen host .*lab/xenlab")

    def test_no_xenstored(self):
        guest = self.create_one("-p")
        place = self.hiding("/run/xenstored")
        for words in (("create", guest_config()), ("destroy", guest), ("shutdown", guest), ("info", guest),
                      ("console", guest), ("reap",), ("list", "--names")):
            with self.subTest(command=words[0]):
                self.refused_there(FAILED, place, words, re.escape("start xenstored (or oxenstored) first"))
        self.assertEqual(list(self.guests()), [guest], "nothing made, nothing lost")

    def test_output_that_nobody_reads(self):
        # A full disk, a closed pipe: the guest exists and is whole, and the status tells.
        self.destroy_at_end()
        result = command("sh", "-c", f"cosmos create -q -p {guest_config()} > /dev/full")
        self.assertEqual(result.status, FAILED, result)
        self.assertRegex(result.err, r"\Acosmos: [^\n]+\n\Z")
        self.assertEqual([guest["unfinished"] for guest in self.guests().values()], [False])
