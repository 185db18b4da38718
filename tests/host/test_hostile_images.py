# SPDX-License-Identifier: BSD-3-Clause
"""Images that a hostile hand wrote, with checksums that fit: the host is as before, whatever they say.

faulty-image (tests/tools) makes them of a good one. A fault that Xen and the daemons bear may make a guest,
and harms nobody but that guest.
"""

import json
import time

import hostlib
from hostlib import Snapshot, command, image, installed, wait_until
from networks import VifTest, pings

ADDRESS = "10.70.0.9"
PING_S = 2  # one that does not answer by then does not

# Refused by what the image says, before there is a domain; with a part of the message.
REFUSED_EARLY = {
    # page tables and types of pages
    "data-pinned": "is pinned, yet no page table",
    "unknown-type": "is of the unknown type 9",
    "batch-of-another-type": "is not as in the list of pages",
    "rounds-with-a-page-outside": "is not as in the list of pages",
    # what the guest left
    "start-info-outside": "is used, yet it does not own it",
    "start-info-in-table": "is used, yet it is a page table",
    "xenstore-ring-outside": "is used, yet it does not own it",
    "xenstore-ring-in-table": "is used, yet it is a page table",
    "console-ring-outside": "is used, yet it does not own it",
    "console-ring-in-table": "is used, yet it is a page table",
    "one-page-for-both-rings": "is used twice",
    "p2m-page-outside": "is used, yet it does not own it",
    "p2m-page-is-a-table": "is used, yet it is a page table",
    "p2m-page-twice": "is used twice",
    "p2m-page-is-start-info": "is used twice",
    "p2m-page-missing": "its p2m is in 1 pages",
    "p2m-page-too-many": "its p2m is in 3 pages",
    "shared-info-too-short": "(machine state)",
    "state-of-more-memory": "it is of 1025 pages",
    "state-of-more-frames": "below 0x401",
    # vCPUs
    "context-missing": "its first vCPU was never brought up",
    "vcpu-too-many": "it is of 3 vCPUs",
    "vcpu-missing": "it is of 1 vCPUs",
    "xsave-too-large": "of a vCPU's xsave area, more than",
    "msrs-too-many": "of a vCPU's MSRs, more than",
    # the header and the end mark
    "version-of-tomorrow": "it is of version 2",
    "another-architecture": "of the architecture 2",
    "memory-of-libxenguest": "an image that holds libxenguest's stream",
    "memory-of-unknown-form": "in the unknown form 9",
    "end-mark-that-counts-less": "does not count the sections and pages",
    # memory
    "memory-of-more-pages-than-listed": "it has 1025 pages",
    "memory-of-fewer-pages-than-listed": "it lists 1024 pages",
    "memory-of-none": "it has no memory",
    "memory-beyond-any-host": "18446744073709551615 pages, more than",
    "memory-larger-than-the-host": "it needs 1048576 MiB of memory",
    "frames-fewer-than-pages": "frame numbers for 1023 only",
    "frames-beyond-any-host": "18446744073709551615 page frames, more than",
    "frames-that-no-p2m-of-its-own-can-hold": "cannot hold a p2m",
    "page-listed-twice": "is out of order or there twice",
    "pages-out-of-order": "is out of order or there twice",
    "page-listed-outside": "are not below 0x400",
    "run-that-overflows": "its run of pages at 0xffffffffffffffff",
    "contents-of-page-not-listed": "is not as in the list of pages",
    # what it is to be made again with
    "name-with-a-path": "expected a name without '/'",
    "name-with-a-line-break": "without control characters",
    "name-too-long": "at most 128 bytes",
    "vcpus-none": "it has 0 vCPUs",
    "vcpus-beyond-any-host": "it has 513 vCPUs",
    "vcpus-of-another-number": "the guest has 5",
    "cpus-twice": "its CPUs are not ascending",
    "cpus-beyond-any-host": "its CPUs are not ascending",
    "vif-number-twice": "its vifs are not numbered one by one",
    "vif-numbers-descending": "its vifs are not numbered one by one",
    "vif-mac-of-a-group": "no MAC address of one interface",
    "vif-mac-of-zeroes": "no MAC address of one interface",
    "vif-bridge-that-is-a-path": "expected a bridge's name",
    "vif-bridge-too-long": "at most 15 bytes",
    "vif-bridge-that-the-host-lacks": "this host has no bridge 'nosuch'",
    "vif-bridge-that-is-none": "'lo' is no Linux bridge",
    "vif-script-elsewhere": "without '..'",
    "vif-script-of-two-lines": "expected the name of a script",
    "vif-script-that-the-host-lacks": "/nonexistent/vif is no file",
    "vif-ip-that-is-none": "IP address",
    "vif-rate-of-no-time": "its rate is none",
    "vifs-too-many": "it has 9 vifs",
    "store-path-of-the-toolstack": "is none of the guest's own",
    "store-path-of-a-device": "is none of the guest's own",
    "store-path-absolute": "is not a plain path",
    "store-path-upwards": "is not a plain path",
    "store-path-with-a-gap": "is not a plain path",
    "store-path-of-control-characters": "no path there has",
    "store-path-with-nul": "no path there has",
    "store-path-empty": "has 0 bytes",
    "store-path-too-long": "has 2053 bytes",
    "store-value-too-long": "more than a message holds",
    "store-node-twice": "is there twice",
    "store-nodes-too-many": "XenStore nodes, more than 4096",
}

NOT_OWNED, NO_LOWER = "which it does not own", "names what is no table of the level below"
NO_TABLES, NO_VCPU = "cannot pin its page tables", "cannot set the state of its vCPUs"
# Refused when the domain is filled, by cosmos or by Xen; the domain is gone afterwards.
REFUSED_LATE = {
    "l1-names-page-outside": NOT_OWNED,
    "l2-names-page-outside": NOT_OWNED,
    "l3-names-page-outside": NOT_OWNED,
    "l4-names-page-outside": NOT_OWNED,
    "l1-names-last-frame-there-can-be": NOT_OWNED,
    "l1-names-hole": NOT_OWNED,
    "l2-names-hole": NOT_OWNED,
    "l3-names-hole": NOT_OWNED,
    "l4-names-hole": NOT_OWNED,
    "data-declared-l1": NOT_OWNED,  # a kernel's code, read as a table
    "data-declared-l4": NOT_OWNED,
    "rounds-with-a-table-written-as-data": "was written before it became what it is",
    "l1-uncached": NO_TABLES,
    "l2-large-page": NO_TABLES,
    "l3-large-page": NO_TABLES,
    "l4-reserved-bit": NO_TABLES,
    "l2-global": NO_TABLES,
    "l3-global": NO_TABLES,
    "l1-maps-itself-writable": NO_TABLES,
    "l1-maps-l2-writable": NO_TABLES,
    "l1-maps-l3-writable": NO_TABLES,
    "l1-maps-l4-writable": NO_TABLES,
    "l2-names-itself": NO_TABLES,
    "l3-names-l1": NO_LOWER,
    "l4-names-itself-writable": NO_TABLES,
    "l4-names-l2": NO_LOWER,
    "l2-names-data": NO_LOWER,
    "l3-names-data": NO_LOWER,
    "l4-names-data": NO_LOWER,
    "l3-pinned-as-l4": NO_LOWER,
    "l2-pinned-as-l1": NO_LOWER,
    "l1-pinned-as-l2": NO_LOWER,
    "l3-declared-data": NO_LOWER,
    "l2-declared-data": NO_LOWER,
    "l1-declared-data": NO_LOWER,
    "zero-page-pinned-as-l1": NO_TABLES,
    "zero-page-pinned-as-l4": NO_TABLES,
    "l4-pinned-as-l3": NO_VCPU,
    "l4-declared-data": NO_VCPU,
    "tsc-of-unknown-mode": "cannot set its clock",
    "tsc-of-tsc-aux-mode": "cannot set its clock",
    "rip-not-canonical": NO_VCPU,
    "rsp-not-canonical": NO_VCPU,
    "no-flags-of-the-context": NO_VCPU,  # user mode, without a user's page table
    "kernel-stack-not-canonical": NO_VCPU,
    "event-callback-not-canonical": NO_VCPU,
    "failsafe-callback-not-canonical": NO_VCPU,
    "syscall-callback-not-canonical": NO_VCPU,
    "fs-base-not-canonical": NO_VCPU,
    "gs-base-not-canonical": NO_VCPU,
    "all-vm-assists": NO_VCPU,
    "traps-not-canonical": NO_VCPU,
    "cr3-outside": "it names page 0x400, which is none",
    "cr3-of-kernel": NO_VCPU,
    "cr3-of-lower-table": NO_VCPU,
    "user-table-outside": "it names page 0x400, which is none",
    "user-table-of-kernel": NO_VCPU,
    "gdt-of-too-many-entries": "its GDT has 8193 entries",
    "gdt-of-most-entries-there-can-be": "its GDT has 18446744073709551615 entries",
    "gdt-outside": "it names page 0x400, which is none",
    "gdt-in-table": NO_VCPU,
    "gdt-in-writable-page": NO_VCPU,
    "ldt-of-too-many-entries": NO_VCPU,
    "ldt-not-canonical": NO_VCPU,
    "ldt-inside-xen": NO_VCPU,
    "context-too-short": "it has 5167 bytes",
    "context-too-long": "it has 8192 bytes",
    "context-of-ones": "its GDT has",
    "second-vcpu-of-ones": "vCPU 1: its GDT has",
    "callbacks-too-short": "its callbacks have 12 bytes",
    "callbacks-that-say-they-are-short": "cannot set the callbacks",
    "sysenter-not-canonical": "cannot set the callbacks",
    "machine-checks-that-no-host-has": "cannot set the callbacks",
    "xsave-of-features-that-no-host-has": "cannot set the registers",
    "xsave-of-another-size": "cannot set the registers",
    "xsave-of-a-few-bytes": "cannot set the registers",
    "xsave-with-reserved-bits": "cannot set the registers",
    "xsave-of-a-compact-form-that-is-none": "cannot set the registers",
    "xsave-of-wild-mxcsr": "cannot set the registers",
    "xsave-as-large-as-can-be": "cannot set the registers",
    "msrs-cut-short": "its MSRs have 15 bytes",
    "msr-that-is-xens": "cannot set the MSRs",
    "msr-of-no-cpu": "cannot set the MSRs",
    "msr-of-reserved-bits": "cannot set the MSRs",
    "msrs-many": "cannot set the MSRs",
    "cpus-that-the-host-lacks": "cannot pin its vCPU 0",
}

# Of an image that libxenguest filled, and refused by it; the domain is gone afterwards.
REFUSED_BY_LIBXENGUEST = {
    "stream-of-garbage": "libxenguest: Invalid marker",
    "stream-of-one-byte": "libxenguest: Failed to read Image Header",
    "stream-cut-in-half": "libxenguest: Failed to read",
    "stream-of-another-version": "libxenguest: Invalid Version",
    "stream-of-an-hvm-guest": "libxenguest: Unable to restore x86 HVM domain",
    "stream-with-a-record-of-4-gib": "libxenguest: Record (0x00000001, Page data) length 0xffffffff exceeds max",
    "stream-with-a-record-of-no-known-type": "libxenguest: Mandatory record 0x77",
    "stream-of-more-pages-than-there-are": "libxenguest: PAGE_DATA record",
    "stream-with-a-page-outside": "libxenguest: pfn 0x10000000000",
    "stream-with-a-page-of-no-known-type": "libxenguest: Unknown type",
    "stream-whose-table-names-a-page-outside": "libxenguest ended by signal 6",  # an assertion
    "stream-of-frames-that-overflow": "libxenguest: X86_PV_P2M_FRAMES record wrong size",
    "stream-of-pages-beyond-measure": "libxenguest: Failed to (re)alloc",
    "stream-with-a-byte-behind-its-end": "libxenguest: the stream goes on behind its end",
    "stream-with-much-behind-its-end": "libxenguest: the stream goes on behind its end",
    "stream-of-a-32-bit-guest": "libxenguest: Invalid X86_PV_INFO",
    "stream-of-a-vcpu-that-there-is-not": "libxenguest: X86_PV_VCPU_BASIC record vcpu_id (500)",
}

# The guest lives and answers: cosmos or Xen puts right what is wrong, or it is the guest's to choose.
HARMLESS = (
    "none",
    "hole-that-nothing-names",
    "nothing-pinned",
    "every-table-pinned",
    "slots-of-xen-name-the-table",  # they become Xen's own again
    "slots-of-xen-name-the-host",
    "rounds",
    "segments-of-ring-0",  # Xen makes ring 3 of them
    "flags-of-ring-0",
    "name-empty",
    "vif-mac-twice",  # of its own two vifs
    "vif-number-of-no-interface-name",
    "store-node-that-is-a-control-node",
)

# A guest is made. It alone may be harmed; what becomes of it is not said here.
OF_THE_GUEST_ALONE = (
    "start-info-in-kernel",
    "xenstore-ring-of-garbage",
    "xenstore-ring-in-kernel",
    "console-ring-of-garbage",
    "console-ring-in-kernel",
    "no-console-ring",
    "p2m-page-in-kernel",
    "p2m-of-no-pages",
    "p2m-of-half-a-million-holes",
    "shared-info-of-garbage",
    "tsc-of-1-khz",
    "tsc-of-4-thz",
    "tsc-of-khz-that-overflow",
    "tsc-that-ran-for-ever",
    "all-flags-of-the-context",
    "all-control-registers",
    "breakpoints-inside-xen",
    "traps-inside-xen",
)

# A guest is made, and it ends: by a crash, or as its image asks.
ENDS = {
    "l4-is-zero": "crash",
    "rounds-with-all-tables-zero-in-the-end": "crash",
    "rip-inside-xen": "crash",
    "rip-nowhere": "crash",
    "rsp-inside-xen": "crash",
    "event-callback-inside-xen": "crash",
    "store-node-that-asks-for-an-end": "poweroff",
}


class Hostile(VifTest):
    good = {}  # suspended once, by the first test that needs it, by its config
    memory, extra = 4, ""

    def setUp(self):
        super().setUp()
        self.tool = image("faulty-image")
        self.bad = self.folder / "bad.img"
        if self.memory not in Hostile.good:
            Hostile.good[self.memory] = self.made_good()
        self.clean, self.files = Snapshot(), self.listing()

    def made_good(self):
        """The bytes of a good image, of a guest with something of everything."""
        config = self.config(name="hostile", kernel=installed("guest.elf"), memory=self.memory, vcpus=2,
                             extra=self.extra, vif=[f"bridge=sw0,ip={ADDRESS}/21", "bridge=sw0"])
        guest = self.create_one("--wait", *self.patient, config=config)
        self.answers(ADDRESS)
        command("xenstore-write", f"/local/domain/{guest}/data/motd", "hello")
        path = self.folder / "good.img"
        self.cosmos("suspend", guest, path)
        return path.read_bytes()

    def listing(self):
        return {path.name for path in self.folder.iterdir()} | {"bad.img", "good.img"}

    def make(self, fault):
        """Writes the image with that fault."""
        good = self.write("good.img", Hostile.good[self.memory])
        made = command(self.tool, good, fault, self.bad)
        self.assertEqual(made.status, 0, made.err)

    def check(self, look):
        """Nothing is there that was not, and nothing that was there is gone: what `look` finds that differs."""
        end = time.monotonic() + 20
        while what := look():
            if time.monotonic() > end:
                self.fail(f"the host is not as before: {what}")
            time.sleep(0.1)
        self.assertEqual(self.listing() - self.files, set())

    def check_host(self):
        def differs():
            now = Snapshot()
            return [what for kind in ("domains", "nodes", "interfaces", "processes")
                    for what in getattr(now, kind) ^ getattr(self.clean, kind)]
        self.check(differs)

    def check_quickly(self):
        """The same of domains, nodes and interfaces, without xl, whose start costs more than all else here."""
        self.check(lambda: (json.loads(self.cosmos("list", "--json").out) or
                            hostlib.store_nodes() ^ self.clean.nodes or hostlib.interfaces() ^ self.clean.interfaces))

    def made(self, fault):
        """Resumes the image with that fault, which makes a guest; returns its id."""
        self.make(fault)
        made = self.cosmos("resume", "-q", *self.patient, self.bad)
        self.destroy_at_end()
        return int(made.out)

    def take_away(self, guest):
        self.cosmos("destroy", guest)
        self.check_quickly()

    def next_id(self):
        """The id that the next domain would have had."""
        guest = self.create_one("-p")
        self.cosmos("destroy", guest)
        return guest


class Refused(Hostile):
    def test_before_there_is_a_domain(self):
        """`cosmos image` refuses them as well, but for what only this host lacks."""
        of_this_host = {"memory-larger-than-the-host", "vif-bridge-that-the-host-lacks", "vif-bridge-that-is-none",
                        "vif-script-that-the-host-lacks"}
        before, interfaces = self.next_id(), hostlib.interfaces()
        for fault, says in REFUSED_EARLY.items():
            with self.subTest(fault):
                self.make(fault)
                self.refused(1, "resume", self.bad, says=says)
                self.assertEqual((self.guests(), hostlib.interfaces()), ({}, interfaces))
                if fault in of_this_host:
                    self.assertEqual(json.loads(self.cosmos("image", "--json", self.bad).out)["name"], "hostile")
                else:
                    self.refused(1, "image", self.bad, says=says)
        self.check_host()
        self.assertEqual(self.next_id(), before + 1, "a domain was made")

    def test_and_its_domain_is_gone(self):
        before = self.next_id()
        for fault, says in REFUSED_LATE.items():
            with self.subTest(fault):
                self.make(fault)
                self.refused(1, "resume", self.bad, says=says)
                self.check_quickly()
        self.check_host()
        self.assertEqual(self.next_id(), before + 1 + len(REFUSED_LATE), "one was refused before it came to Xen")


class RefusedByLibxenguest(Hostile):
    memory, extra = 16, "balloon=64"

    def test_and_its_domain_is_gone(self):
        before = self.next_id()
        for fault, says in REFUSED_BY_LIBXENGUEST.items():
            with self.subTest(fault):
                self.make(fault)
                self.refused(1, "resume", self.bad, says=says)
                self.check_quickly()
        self.check_host()
        self.assertEqual(self.next_id(), before + 1 + len(REFUSED_BY_LIBXENGUEST))

    def test_and_the_image_without_a_fault_is_not(self):
        guest = self.made("none")
        self.assertTrue(json.loads(self.cosmos("image", "--json", self.bad).out)["by_libxenguest"])
        wait_until(lambda: pings([ADDRESS], 1, PING_S)[ADDRESS], "it answers")
        self.take_away(guest)


class Made(Hostile):
    def test_guest_that_lives(self):
        for fault in HARMLESS:
            with self.subTest(fault):
                guest = self.made(fault)
                try:
                    wait_until(lambda: pings([ADDRESS], 1, PING_S)[ADDRESS], "it answers")
                finally:
                    self.take_away(guest)
        self.check_host()

    def test_guest_that_alone_may_be_harmed(self):
        for fault in OF_THE_GUEST_ALONE:
            with self.subTest(fault):
                guest = self.made(fault)
                pings([ADDRESS], 1, PING_S)  # it has its chance to do harm
                self.take_away(guest)
        self.check_host()

    def test_guest_that_ends(self):
        for fault, how in ENDS.items():
            with self.subTest(fault):
                guest = self.made(fault)
                try:
                    self.wait_for_state(guest, how)
                finally:
                    self.take_away(guest)
        self.check_host()

    def test_host_serves_a_good_guest_after_all_of_these(self):
        guest = self.made("none")
        wait_until(lambda: pings([ADDRESS], 1, PING_S)[ADDRESS], "it answers")
        self.assertEqual(self.read_store(f"/local/domain/{guest}/data/motd"), "hello")
        self.take_away(guest)


class Table(Hostile):
    def test_every_fault_has_its_expectation(self):
        listed = command(self.tool, "--list").out.split()
        expected = [*REFUSED_EARLY, *REFUSED_LATE, *REFUSED_BY_LIBXENGUEST, *HARMLESS, *OF_THE_GUEST_ALONE, *ENDS]
        self.assertEqual(sorted(listed), sorted(expected))
