# SPDX-License-Identifier: BSD-3-Clause
"""Frames that no station may answer: each is wrong in one way that it names, or random."""

import struct

ETHERNET_BYTES = 14
IPV4_BYTES = 20
MOST_BYTES = 1514  # without a VLAN tag: what a vif takes
IPV4, ARP, IPV6, VLAN = 0x0800, 0x0806, 0x86DD, 0x8100
BROADCAST = b"\xff" * 6


def checksum(data):
    """That of RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Talk:
    """Builds frames from one station to another; what is right unless it is said otherwise."""

    def __init__(self, to_mac, from_mac, to_ip, from_ip, broadcast_ip):
        self.to_mac, self.from_mac, self.to_ip, self.from_ip = to_mac, from_mac, to_ip, from_ip
        self.broadcast_ip = broadcast_ip

    def ethernet(self, kind, payload, to_mac=None, from_mac=None):
        return (to_mac or self.to_mac) + (from_mac or self.from_mac) + struct.pack("!H", kind) + payload

    def arp(self, hardware=1, protocol=IPV4, lengths=(6, 4), operation=1, sender_ip=None, target_ip=None):
        return self.ethernet(ARP, struct.pack("!HHBBH", hardware, protocol, *lengths, operation) + self.from_mac +
                             (sender_ip or self.from_ip) + b"\0" * 6 + (target_ip or self.to_ip), to_mac=BROADCAST)

    def echo(self, payload=b"0123456789", kind=8, code=0, wrong_sum=0):
        head = struct.pack("!BBHHH", kind, code, 0, 7, 1)
        return struct.pack("!BBHHH", kind, code, checksum(head + payload) ^ wrong_sum, 7, 1) + payload

    def packet(self, message, first=0x45, length=None, fragment=0, protocol=1, wrong_sum=0, options=b"", to_ip=None,
               from_ip=None):
        whole = IPV4_BYTES + len(options) + len(message)
        head = [first, 0, whole if length is None else length, 9, fragment, 64, protocol, 0, from_ip or self.from_ip,
                to_ip or self.to_ip]
        head[7] = checksum(struct.pack("!BBHHHBBH4s4s", *head) + options) ^ wrong_sum
        return struct.pack("!BBHHHBBH4s4s", *head) + options + message

    def ipv4(self, message=None, to_mac=None, from_mac=None, **wrong):
        return self.ethernet(IPV4, self.packet(self.echo() if message is None else message, **wrong), to_mac, from_mac)


# Each takes a Talk and a random.Random.
def _cut(frame, least, rng):
    return frame[:rng.randrange(least, len(frame))]


WRONG = {
    "an unknown type": lambda talk, rng: talk.ethernet(rng.choice((0, 46, 0x0801, 0x9000, 0xFFFF)), rng.randbytes(60)),
    "IPv6": lambda talk, rng: talk.ethernet(IPV6, b"\x60" + rng.randbytes(rng.randrange(90))),
    "a VLAN tag": lambda talk, rng: talk.ethernet(VLAN, rng.randbytes(2) + talk.ipv4()[12:]),
    "a VLAN tag on the longest": lambda talk, rng: talk.ethernet(VLAN, rng.randbytes(1502)),
    "nothing behind the header": lambda talk, rng: talk.ethernet(rng.choice((IPV4, ARP)), b""),
    "for another station": lambda talk, rng: talk.ipv4(to_mac=b"\x02" + rng.randbytes(5)),
    "from the station itself": lambda talk, rng: talk.ipv4(from_mac=talk.to_mac),
    "from a group": lambda talk, rng: talk.ipv4(from_mac=b"\x01" + rng.randbytes(5)),
    "IPv4 for one, to all": lambda talk, rng: talk.ipv4(to_mac=BROADCAST),
    "ARP cut short": lambda talk, rng: _cut(talk.arp(), ETHERNET_BYTES, rng),
    "ARP of other hardware": lambda talk, rng: talk.arp(hardware=rng.choice((0, 2, 6, 0x0100, 0xFFFF))),
    "ARP of another protocol": lambda talk, rng: talk.arp(protocol=rng.choice((0, IPV6, ARP, 0xFFFF))),
    "ARP with wrong lengths": lambda talk, rng: talk.arp(lengths=rng.choice(((0, 4), (6, 0), (4, 6), (255, 255)))),
    "ARP that asks nothing": lambda talk, rng: talk.arp(operation=rng.choice((0, 2, 3, 0xFFFF))),
    "ARP for another address": lambda talk, rng: talk.arp(target_ip=b"\x0a" + rng.randbytes(3)),
    "ARP from its own address": lambda talk, rng: talk.arp(sender_ip=talk.to_ip),
    "ARP from a group": lambda talk, rng: talk.arp(sender_ip=rng.choice((b"\xe0\0\0\1", b"\xff" * 4, b"\x7f\0\0\1"))),
    "IPv4 cut short": lambda talk, rng: _cut(talk.ipv4(), ETHERNET_BYTES, rng),
    "IPv4 of another version": lambda talk, rng: talk.ipv4(first=rng.choice((0x05, 0x15, 0x35, 0x55, 0x65, 0xF5))),
    "IPv4 with a short header": lambda talk, rng: talk.ipv4(first=rng.randrange(0x40, 0x45)),
    "IPv4 with a header beyond its end": lambda talk, rng: talk.ipv4(b"", first=rng.randrange(0x46, 0x50)),
    "IPv4 longer than the frame": lambda talk, rng: talk.ipv4(length=rng.choice((39, 40, 1500, 0x8000, 0xFFFF))),
    "IPv4 shorter than its header": lambda talk, rng: talk.ipv4(length=rng.randrange(20)),
    "IPv4 with a wrong checksum": lambda talk, rng: talk.ipv4(wrong_sum=rng.randrange(1, 0xFFFF)),
    "the first fragment": lambda talk, rng: talk.ipv4(fragment=0x2000),
    "a later fragment": lambda talk, rng: talk.ipv4(fragment=rng.randrange(1, 0x2000)),
    "the last fragment there can be": lambda talk, rng: talk.ipv4(rng.randbytes(1400), fragment=0x1FFF),
    "another protocol": lambda talk, rng: talk.ipv4(protocol=rng.choice((0, 2, 6, 17, 41, 255))),
    "for another address": lambda talk, rng: talk.ipv4(to_ip=b"\x0a" + rng.randbytes(3)),
    "for all": lambda talk, rng: talk.ipv4(to_ip=rng.choice((b"\xff" * 4, talk.broadcast_ip, b"\0" * 4))),
    "from itself": lambda talk, rng: talk.ipv4(from_ip=talk.to_ip),
    "from an address nobody has": lambda talk, rng: talk.ipv4(
        from_ip=rng.choice((b"\0" * 4, b"\x7f\0\0\1", b"\xe0\0\0\1", b"\xff" * 4, talk.broadcast_ip))),
    "options cut short": lambda talk, rng: talk.ipv4(b"", first=0x4F, options=rng.randbytes(4 * rng.randrange(10))),
    "ICMP cut short": lambda talk, rng: talk.ipv4(_cut(talk.echo(b""), 0, rng)),
    "ICMP of other types": lambda talk, rng: talk.ipv4(talk.echo(kind=rng.choice((0, 3, 5, 9, 13, 17, 255)))),
    "ICMP of other codes": lambda talk, rng: talk.ipv4(talk.echo(code=rng.randrange(1, 256))),
    "ICMP with a wrong checksum": lambda talk, rng: talk.ipv4(talk.echo(wrong_sum=rng.randrange(1, 0xFFFF))),
    "a long echo with a wrong checksum": lambda talk, rng: talk.ipv4(talk.echo(rng.randbytes(1472), wrong_sum=1)),
    "random behind Ethernet": lambda talk, rng: talk.ethernet(IPV4, rng.randbytes(rng.randrange(1500))),
    "random behind IPv4": lambda talk, rng: talk.ipv4(b"\xee" + rng.randbytes(rng.randrange(1479))),
    "random options": lambda talk, rng: talk.ipv4(talk.echo(wrong_sum=1), first=0x4F, options=rng.randbytes(40)),
}


def wrong_frames(talk, rng, count):
    """So many (name, frame): every kind as often as every other, in random order."""
    names = [name for _ in range(count // len(WRONG) + 1) for name in rng.sample(list(WRONG), len(WRONG))]
    for name in names[:count]:
        yield name, WRONG[name](talk, rng)
