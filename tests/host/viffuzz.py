#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Sends malformed frames and ring contents at a guest's vif, from the control domain, and pings it in between.

Only what a backend writes is written: the guest's own requests are netback's input, and netback shuts a vif down
for good when they make no sense. A ring whose ends are out of step is lost with what is in it: a guest that finds
that out by a ping answers once it is connected anew.
"""

import argparse
import ipaddress
import pathlib
import random
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from hostlib import command, wait_until  # pylint: disable=wrong-import-position
from vifframes import ARP, IPV4, Talk, wrong_frames  # pylint: disable=wrong-import-position
from vifrings import PRIVATE, REQ_EVENT, RSP_EVENT, RSP_PROD, VifRings  # pylint: disable=wrong-import-position

EVERY_PROTOCOL = 3  # linux/if_ether.h, ETH_P_ALL
PINGS = 10          # the first may be the one that shows the guest a broken ring, and more are lost until it is back
SILENCE_S = 0.3     # for an answer that must not come


class Failed(Exception):
    """What the guest did wrong."""


def pinged(address, patience_s=20):
    return command("ping", "-n", "-q", "-c", "1", "-W", str(patience_s), address, limit=60).status == 0


def answers_again(address):
    """Whether it answers one of some pings."""
    return any(pinged(address, 2) for _ in range(PINGS))


class Fuzzer:
    def __init__(self, guest, vif, address, seed, say=lambda line: None):
        network = ipaddress.IPv4Interface(address)
        self.guest, self.vif, self.address, self.say = guest, vif, str(network.ip), say
        self.broadcast_ip = network.network.broadcast_address.packed
        self.rng = random.Random(seed)
        self.interface = f"vif{guest}.{vif}"
        self.mac = bytes.fromhex(VifRings.read(f"/local/domain/{guest}/device/vif/{vif}", "mac").replace(":", ""))

    # Malformed frames -------------------------------------------------------------------------------------------

    def frames(self, count):
        """Sends malformed frames; none may be answered, and the ping after them must be."""
        to_ip = socket.inet_aton(self.address)
        # A station and an address that nobody else on the switch has.
        talk = Talk(self.mac, b"\x02\0\0\0\0\x77", to_ip, to_ip[:3] + bytes([to_ip[3] ^ 0x40]), self.broadcast_ip)
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERY_PROTOCOL)) as raw:
            raw.bind((self.interface, 0))
            for frame in (talk.ipv4(), talk.arp()):
                raw.send(frame)
                if not self._answers(raw, talk.from_mac, 20, 1):
                    raise Failed("a frame that is right is not answered: there is nothing to compare with")
            names = []
            for name, frame in wrong_frames(talk, self.rng, count):
                self.say(f"frame: {name}, {len(frame)} bytes")
                raw.send(frame)
                names.append(name)
                if len(names) % 10 == 0:  # no more at once than the guest has buffers
                    self._silent(raw, talk.from_mac, names[-10:])
            self._silent(raw, talk.from_mac, names[-10:])
        if not pinged(self.address, 20):
            raise Failed("no answer to the ping after malformed frames")

    def _silent(self, raw, station, names):
        answered = self._answers(raw, station, SILENCE_S, 1)
        if answered:
            raise Failed(f"answered one of {names} with {answered[0].hex()}")

    def _answers(self, raw, station, patience_s, enough):
        """Frames of the guest to the station."""
        found, end = [], time.monotonic() + patience_s
        while len(found) < enough and time.monotonic() < end:
            raw.settimeout(max(0.001, end - time.monotonic()))
            try:
                frame = raw.recv(2048)
            except TimeoutError:
                break
            if frame[:6] == station and frame[6:12] == self.mac and struct.unpack("!H", frame[12:14])[0] in (ARP, IPV4):
                found.append(frame)
        return found

    # Ring contents ----------------------------------------------------------------------------------------------

    def _number(self):
        """Where checks go wrong: around 0, the powers of two and the counters' ends."""
        return self.rng.choice((self.rng.getrandbits(32), 1 << self.rng.randrange(32), (1 << self.rng.randrange(32)) - 1,
                                -self.rng.randrange(300)))

    def _rx_response(self):
        """id, offset, flags, status."""
        return struct.pack("HHHh", self.rng.choice((self.rng.randrange(32), self._number() & 0xFFFF)),
                           self.rng.choice((0, 1, 4095, self._number() & 0xFFFF)),
                           self.rng.choice((0, self.rng.randrange(32), self._number() & 0xFFFF)),
                           self.rng.choice((0, 1, 13, 60, 1514, 1515, 4096, 32767, -1, -2, -32768)))

    def _tx_response(self):
        """id, status."""
        return struct.pack("Hh", self.rng.choice((self.rng.randrange(16), self._number() & 0xFFFF)),
                           self.rng.choice((0, 1, -1, -2, 32767, -32768)))

    def _responses(self, ring, response):
        count = self.rng.choice((1, 2, 5, 32, 33, 256))
        first = ring.read(RSP_PROD)
        for number in range(first, first + count):
            ring.set_slot(number, response())
        ring.set(RSP_PROD, first + count)
        return f"{count} responses"

    def _counter(self, ring, offset, name):
        number = self.rng.choice((self._number(), ring.read(offset) + self._number()))
        ring.set(offset, number)
        return f"{name} = {number & 0xFFFFFFFF}"

    def _noise(self, ring):
        ring.write(PRIVATE, self.rng.randbytes(48))
        return "noise beside the counters"

    def _scribble(self, rings):
        ring, response, name = self.rng.choice(((rings.rx, self._rx_response, "rx"), (rings.tx, self._tx_response, "tx")))
        what = self.rng.choice((
            lambda: self._responses(ring, response), lambda: self._responses(ring, response),
            lambda: self._counter(ring, RSP_PROD, "rsp_prod"), lambda: self._counter(ring, REQ_EVENT, "req_event"),
            lambda: self._counter(ring, RSP_EVENT, "rsp_event"), lambda: self._noise(ring)))
        return f"{name}: {what()}"

    def rings(self, count):
        """Scribbles over both rings and wakes the guest, so many times; it comes back and answers after each."""
        with VifRings(self.guest, self.vif) as rings:
            for done in range(count):
                wait_until(rings.connected, f"vif {self.vif} connected again", pause=0.02)
                self.say(f"ring {done}: {self._scribble(rings)}{'' if rings.kick() else ' (not woken)'}")
                # Some of them one upon the other, while guest and backend are still at it.
                if self.rng.randrange(3):
                    self._must_answer(f"ring contents number {done}", rings)
            self._must_answer("ring contents", rings)

    def _must_answer(self, after, rings=None):
        if rings:
            wait_until(rings.connected, f"vif {self.vif} connected again after {after}", pause=0.02)
        if not answers_again(self.address):
            raise Failed(f"no answer to {PINGS} pings after {after}")


def parsed():
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("guest", type=int, help="domain id")
    parser.add_argument("address", help="IPv4 address that the vif answers at, with its prefix: 10.70.0.9/21")
    parser.add_argument("--vif", type=int, default=0)
    parser.add_argument("--frames", type=int, default=120, metavar="N", help="malformed frames to send (default: 120)")
    parser.add_argument("--rings", type=int, default=100, metavar="N", help="ring contents to write (default: 100)")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="repeats what was printed")
    return parser.parse_args()


def main():
    options = parsed()
    print(f"seed {options.seed}", flush=True)
    fuzzer = Fuzzer(options.guest, options.vif, options.address, options.seed, lambda line: print(line, flush=True))
    try:
        fuzzer.frames(options.frames)
        fuzzer.rings(options.rings)
    except (Failed, AssertionError) as failure:
        print(f"viffuzz: {failure} (seed {options.seed})", file=sys.stderr)
        return 1
    print(f"{options.frames} frames and {options.rings} ring contents: the guest answers")
    return 0


if __name__ == "__main__":
    sys.exit(main())
