# SPDX-License-Identifier: BSD-3-Clause
"""What tests of vifs share: two switches, what is told of vifs, and pings in one process."""

import json
import os
import pathlib
import select
import socket
import struct
import time

from hostlib import PATIENCE_S, HostTest, command, installed, wait_until

ECHO_REQUEST, ECHO_REPLY = 8, 0  # RFC 792


def checksum(data):
    """That of RFC 1071, over an even number of bytes."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def echo_request(identity, number):
    head = struct.pack("!BBHHH", ECHO_REQUEST, 0, 0, identity, number)
    return struct.pack("!BBHHH", ECHO_REQUEST, 0, checksum(head), identity, number)


def pings(addresses, count=5, patience_s=PATIENCE_S):
    """Pings every address so many times, none of them again, and returns {address: how many were answered}."""
    identity = os.getpid() & 0xFFFF
    answered = {address: set() for address in addresses}
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        raw.setsockopt(socket.SOL_SOCKET, 33, 1 << 23)  # SO_RCVBUFFORCE: room for all that may come at once

        def take_answer(wait_s):
            if not select.select([raw], [], [], wait_s)[0]:
                return
            packet, (source, _) = raw.recvfrom(2048)
            kind, _, _, whose, number = struct.unpack_from("!BBHHH", packet, (packet[0] & 0xF) * 4)
            if kind == ECHO_REPLY and whose == identity and source in answered:
                answered[source].add(number)

        for number in range(count):
            for address in answered:
                raw.sendto(echo_request(identity, number), (address, 0))
                take_answer(0)
            end = time.monotonic() + patience_s
            while time.monotonic() < end and not all(number in numbers for numbers in answered.values()):
                take_answer(0.1)
    return {address: len(numbers) for address, numbers in answered.items()}


def attribute(interface, name):
    try:
        return (interface / name).read_text().strip()
    except OSError:  # it has gone, or is not up
        return ""


def wait_for_link_watch():
    """The kernel lets a vif send some time after its carrier is on, and drops what it is given until then."""
    wait_until(lambda: all(attribute(vif, "operstate") == "up" for vif in pathlib.Path("/sys/class/net").glob("vif*")
                           if attribute(vif, "carrier") == "1"), "a vif with a carrier may not send")


def remove_switch(name):
    """Once the kernel has taken the last vif out."""
    wait_until(lambda: command("cosmos", "switch", "remove", name).status == 0, f"{name} cannot be removed")


class VifTest(HostTest):
    """Two switches are there for the test. What it leaves behind of interfaces, HostTest sees."""

    networks = {"sw0": "10.70.0.1/21", "sw1": "10.71.0.1/21"}
    patient = ("--timeout", str(PATIENCE_S))  # a busy host takes longer than the usual 10 s

    def setUp(self):
        super().setUp()
        for name, address in self.networks.items():
            self.cosmos("switch", "add", name, "--address", address)
            self.addCleanup(remove_switch, name)
        self.config_path = installed("clickos-configs/ping.cfg")

    def vifs(self):
        return json.loads(self.cosmos("list", "--vifs", "--json").out)

    def answers(self, *addresses, count=5):
        """Every address answers each of so many pings."""
        plain = [address.split("/")[0] for address in addresses]
        wait_for_link_watch()
        self.assertEqual(pings(plain, count), {address: count for address in plain})
