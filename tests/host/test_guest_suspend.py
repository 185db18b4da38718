# SPDX-License-Identifier: BSD-3-Clause
"""Our guest is suspended and comes back, in another domain or in the same: with its state, and connected. By xl."""

import contextlib
import ctypes
import re
import socket
import time

from hostlib import PATIENCE_S, command, installed
from networks import VifTest
from terminals import Terminal
from vifframes import ARP, BROADCAST, ETHERNET_BYTES

TIMES = 10
XL_LIMIT_S = 300  # it works hard, and a busy machine has been seen to starve it for minutes
FEWER = 3  # where only the request is another
BY_CHANNEL, BY_STORE = "event channel", "XenBus control node"  # as xl -vvv says it
NAME, ADDRESS, MAC = "holly", "10.70.0.9", "00:16:3e:70:00:09"
SCRIPT = installed("hotplug/vif-cosmos")  # xl's own takes most of a test's time
VIF = f"bridge=sw0,mac={MAC},script={SCRIPT}"
EVERY_PROTOCOL = 3


def counted(number, what):
    return f"{number} {what}{'' if number == 1 else 's'}"


@contextlib.contextmanager
def resuming(guest):
    """Gives a function that cancels the guest's suspend, by libraries of Xen's."""
    control, guests, store = (ctypes.CDLL(f"lib{name}") for name in ("xenctrl.so.4.17", "xenguest.so.4.17", "xenstore.so.4"))
    control.xc_interface_open.restype = store.xs_open.restype = ctypes.c_void_p
    store.xs_resume_domain.restype = ctypes.c_bool
    hypervisor = ctypes.c_void_p(control.xc_interface_open(None, None, 0))
    daemon = ctypes.c_void_p(store.xs_open(ctypes.c_ulong(0)))

    def resume():
        # The daemon first: else it may take no notice of the guest's next end.
        if not store.xs_resume_domain(daemon, ctypes.c_uint(guest)):
            raise OSError("xs_resume_domain failed")
        if guests.xc_domain_resume(hypervisor, ctypes.c_uint32(guest), 1):
            raise OSError("xc_domain_resume failed")
    try:
        yield resume
    finally:
        store.xs_close(daemon)
        control.xc_interface_close(hypervisor)


class SuspendTest(VifTest):
    def made_by_xl(self, *vifs, extra=f"ip={ADDRESS}/21", **settings):
        """Lets xl create a guest of our kernel, whose vifs are connected then; returns its id."""
        config = self.config("holly.cfg", name=NAME, type="pv", kernel=installed("guest.elf"), vif=list(vifs), extra=extra,
                             **{"memory": 4, **settings})
        self.addCleanup(command, "xl", "destroy", NAME)
        self.xl("create", "-e", config, limit=XL_LIMIT_S)
        return self.now()

    def now(self):
        """The id of the domain that the guest is in."""
        return int(self.xl("domid", NAME).out)

    def save(self, *options, by=None):
        """Lets xl suspend the guest, and sees how it was asked to; returns the file."""
        file = self.folder / "holly.image"
        said = self.xl("-vvv", "save", *options, NAME, file, limit=XL_LIMIT_S)
        asked = re.findall(r"issuing PV suspend request via (.*)", said.err)
        self.assertEqual(len(asked), 1, said.err)
        if by:
            self.assertEqual(asked[0].strip(), by)
        return file

    def move(self, **how):
        """Suspends the guest and resumes it in another domain, whose id it returns."""
        before = self.now()
        self.xl("restore", "-e", self.save(**how), limit=XL_LIMIT_S)
        self.assertGreater(self.now(), before)
        return self.now()

    def console(self):
        return self.enterContext(Terminal("xl", "console", NAME))

    def comes_back(self, terminal, how, times, lines, pings):
        """It says that it is back, in which domain, and what it has counted."""
        terminal.expect(f"{how}, domain {self.now()}, {counted(times, 'time')}; answered {counted(lines, 'line')}, "
                        f"{counted(pings, 'ping')}\n")

    def types(self, terminal, line):
        terminal.type(line + "\r")
        terminal.expect(f"{line}\n{line}\n")


class Resumed(SuspendTest):
    def generations(self, times, by, extra):
        self.made_by_xl(VIF, extra=f"ip={ADDRESS}/21 {extra}")
        self.answers(ADDRESS)
        for generation in range(1, times + 1):
            guest = self.move(by=by)
            with Terminal("xl", "console", NAME) as terminal:
                self.comes_back(terminal, "resumed", generation, generation - 1, 5 * generation)
                terminal.expect(f"vif 0: {MAC} {ADDRESS}/21\n")
                self.types(terminal, f"generation {generation}")
            self.answers(ADDRESS)
            self.assertEqual(bool(self.read_store(f"/local/domain/{guest}/device/suspend/event-channel")), by == BY_CHANNEL)
        self.xl("shutdown", "-w", NAME, limit=XL_LIMIT_S)

    def test_ten_times_by_its_event_channel(self):
        self.generations(TIMES, BY_CHANNEL, "")

    def test_by_control_shutdown(self):
        self.generations(FEWER, BY_STORE, "suspend=store")

    def test_goes_on_in_the_middle_of_a_line(self):
        self.made_by_xl()
        before = self.console()
        self.types(before, "whole")
        before.type("first half, ")
        before.expect("first half, ")
        self.move()
        after = self.console()
        self.comes_back(after, "resumed", 1, 1, 0)
        after.type("second half\r")
        after.expect("second half\nfirst half, second half\n")

    def test_announces_its_address(self):
        self.made_by_xl(VIF)
        self.answers(ADDRESS)
        mac = bytes.fromhex(MAC.replace(":", ""))
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERY_PROTOCOL)) as switch:
            switch.bind(("sw0", 0))
            self.move()
            address = socket.inet_aton(ADDRESS)
            announced = bytes.fromhex("0001080006040001") + mac + address + bytes(6) + address
            end = time.monotonic() + PATIENCE_S
            frame = b""
            while frame[:ETHERNET_BYTES + len(announced)] != BROADCAST + mac + ARP.to_bytes(2, "big") + announced:
                switch.settimeout(max(0.001, end - time.monotonic()))
                frame = switch.recv(2048)

    def test_on_each_of_its_vifs(self):
        addresses = ("10.70.0.9", "10.71.0.9", "10.70.0.10", "10.71.0.10")
        self.made_by_xl(*(f"bridge=sw{number % 2},mac=00:16:3e:70:01:0{number},ip={address}/21,script={SCRIPT}"
                          for number, address in enumerate(addresses)), extra="")
        for generation in range(2):
            self.answers(*addresses)
            self.move()
            with Terminal("xl", "console", NAME) as terminal:
                self.comes_back(terminal, "resumed", generation + 1, 0, 20 * (generation + 1))
        self.answers(*addresses)

    def test_with_much_memory(self):
        # More than the 512 pages of one page of the p2m, and more than one page of page tables maps.
        self.made_by_xl(VIF, memory=20)
        self.answers(ADDRESS)
        self.move()
        self.answers(ADDRESS)
        self.move()
        self.answers(ADDRESS)


class Cancelled(SuspendTest):
    def checkpoints(self, times, by, extra):
        guest = self.made_by_xl(VIF, extra=f"ip={ADDRESS}/21 {extra}")
        terminal = self.console()
        for checkpoint in range(1, times + 1):
            self.answers(ADDRESS)
            self.save("-c", by=by)
            self.assertEqual(self.now(), guest)
            self.comes_back(terminal, "suspend cancelled", checkpoint, checkpoint - 1, 5 * checkpoint)
            self.types(terminal, f"checkpoint {checkpoint}")
        self.answers(ADDRESS)
        self.assertNotIn("vif 0", terminal.shown, "it has kept its connection")
        self.xl("shutdown", "-w", NAME, limit=XL_LIMIT_S)

    def test_ten_times_by_its_event_channel(self):
        self.checkpoints(TIMES, BY_CHANNEL, "")

    def test_by_control_shutdown(self):
        self.checkpoints(FEWER, BY_STORE, "suspend=store")

    def test_between_two_moves(self):
        self.made_by_xl(VIF)
        for turn in range(1, 4):
            self.answers(ADDRESS)
            self.save("-c")
            self.answers(ADDRESS)
            self.move()
            self.comes_back(self.console(), "resumed", turn, 0, 10 * turn)
        self.answers(ADDRESS)

    def test_an_older_image_is_resumed(self):
        self.made_by_xl(VIF)
        self.answers(ADDRESS)
        file = self.save("-c")
        self.answers(ADDRESS)
        self.xl("destroy", NAME)
        self.xl("restore", "-e", file, limit=XL_LIMIT_S)
        self.comes_back(self.console(), "resumed", 1, 0, 5)
        self.answers(ADDRESS)

    def test_without_a_console(self):
        # xl creates no such guest, so a toolstack is played here.
        guest = self.create_one("--wait", *self.patient, "console='none'", f"vif=['bridge=sw0,ip={ADDRESS}/21']")
        resume = self.enterContext(resuming(guest))
        for _ in range(TIMES):
            self.answers(ADDRESS)
            self.assertEqual(command("xenstore-write", f"/local/domain/{guest}/control/shutdown", "suspend").status, 0)
            self.wait_for_state(guest, "suspend")
            self.assertEqual(self.read_store(f"/local/domain/{guest}/control/shutdown"), "")
            resume()
            self.wait_for_state(guest, "blocked")
        self.answers(ADDRESS)
        self.cosmos("shutdown", "--wait", guest)
