# SPDX-License-Identifier: BSD-3-Clause
"""Reads the store daemons' own traces: which connection asked for what.

C xenstored writes "IN ADDRESS DATE TIME TYPE (ARGUMENTS )" and "CREATE connection ADDRESS";
oxenstored writes "[TIME]  A7  TYPE  ARGUMENTS", where A is a connection on the socket and D a
domain, and "newconn". The connections of xenconsoled and of the control domain's kernel are as old
as the host, and a guest that is paused asks for nothing; so of what began after a moment, all that
asks is what was started since.
"""

import collections
import pathlib
import re
import time
import unittest

TRACE = pathlib.Path("/var/log/xen/xenstored.trace")

C_LINE = re.compile(r"IN (\S+) \d+ \S+ (\w+) \((.*?) ?\)$")
C_BEGIN = re.compile(r"CREATE connection (\S+)$")
OX_LINE = re.compile(r"\[\S+\]\s+([AD]\d+)(?:\.\d+)?\s+(\w+)\s+(.*?) ?$")

# The daemons' words for the same thing.
WORDS = {"WRITE": "write", "SET_PERMS": "setperms", "INTRODUCE": "introduce", "RM": "rm", "READ": "read",
         "DIRECTORY": "directory", "WATCH": "watch", "UNWATCH": "unwatch", "TRANSACTION_START": "t start",
         "GET_PERMS": "getperms", "MKDIR": "mkdir"}
OX_EVENTS = {"newconn", "endconn", "w", "error", "conflict", "commit", "coalesce"}

Request = collections.namedtuple("Request", "connection type path")


def position():
    """Where the trace ends now; a skip where the daemon writes none."""
    if not TRACE.exists():
        raise unittest.SkipTest(f"the store daemon writes no {TRACE}; in the lab: xenlab run --trace")
    return TRACE.stat().st_size


def position_when_quiet(pause_s=2, limit_s=60):
    """Where the trace ends once nobody has asked for anything for a while, on a host that is slow."""
    end, quiet_since, last = time.monotonic() + limit_s, time.monotonic(), position()
    while time.monotonic() < quiet_since + pause_s:
        if time.monotonic() > end:
            raise AssertionError(f"the store daemon was asked for something all through {limit_s} s")
        time.sleep(0.1)
        if (now := position()) != last:
            quiet_since, last = time.monotonic(), now
    return last


def all_requests_since(start):
    """What everybody asked for since then, as (Request, whether its connection began since then)."""
    with TRACE.open(errors="replace") as file:
        file.seek(start)
        lines = file.read().split("\n")
    begun, number, asked = {}, 0, []
    for line in lines:
        if found := C_BEGIN.match(line):
            number += 1
            begun[found[1]] = number  # an address comes again for another connection
        elif found := C_LINE.match(line):
            request = Request(begun.get(found[1], found[1]), WORDS.get(found[2], found[2].lower()), found[3].split(" ")[0])
            asked.append((request, found[1] in begun))
        elif found := OX_LINE.match(line):
            if found[2] == "newconn":
                begun[found[1]] = found[1]
            elif found[2] not in OX_EVENTS:
                asked.append((Request(found[1], found[2], found[3].split(" ")[0]), found[1] in begun))
    return asked


def requests_since(start):
    """What connections that began since then have asked for."""
    return [request for request, begun in all_requests_since(start) if begun]
