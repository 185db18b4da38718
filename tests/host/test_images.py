# SPDX-License-Identifier: BSD-3-Clause
"""The dresses that a kernel comes in: where its notes are, and how it is packed."""

import gzip
import lzma

from hostlib import HostTest, image
from terminals import LEAVE, Terminal


class Dress(HostTest):
    def boots(self, kernel):
        guest = self.create_one(f"kernel='{kernel}'")
        with Terminal("cosmos", "console", guest) as terminal:
            terminal.expect(f"cosmos guest, domain {guest}, 4096 KiB\n")
            terminal.type(LEAVE)
        self.assertEqual(self.cosmos("shutdown", "--wait", guest).out, f"Domain {guest} ended: poweroff\n")

    def test_notes_in_a_segment(self):
        self.boots(image("guest.elf"))

    def test_notes_in_a_section(self):
        self.boots(image("guest-shtnote.elf"))

    def test_legacy_text_instead_of_notes(self):
        self.boots(image("guest-legacy.elf"))

    def test_gzip(self):
        self.boots(image("guest.elf.gz"))

    def test_legacy_in_gzip(self):
        self.boots(self.write("legacy.gz", gzip.compress(image("guest-legacy.elf").read_bytes())))

    def test_xz(self):
        # As Linux packs itself: xz without the checks that its unpacker does not know.
        packed = lzma.compress(image("guest.elf").read_bytes(), check=lzma.CHECK_CRC32)
        self.boots(self.write("guest.xz", packed))
