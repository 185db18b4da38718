#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Stands where ssh stands in a migration, and cuts the connection after so many bytes in one direction.

cutter.py HOST COMMAND runs COMMAND by the shell here, or through the words of CUTTER_SSH there. CUTTER_THERE and
CUTTER_BACK say after how many bytes to or from it all is cut; CUTTER_COUNTS names a file for what went each way.
"""

import os
import pathlib
import select
import subprocess
import sys


def main():
    _, host, command = sys.argv
    words = [*os.environ["CUTTER_SSH"].split(), host, command] if "CUTTER_SSH" in os.environ else ["sh", "-c", command]
    limits = [int(os.environ.get(name, sys.maxsize)) for name in ("CUTTER_THERE", "CUTTER_BACK")]
    carried = [0, 0]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as other:
        ways = {sys.stdin.fileno(): (0, other.stdin.fileno()), other.stdout.fileno(): (1, sys.stdout.fileno())}
        while ways and all(count < limit for count, limit in zip(carried, limits)):
            for source in select.select(list(ways), [], [])[0]:
                way, target = ways[source]
                data = os.read(source, min(1 << 16, max(1, limits[way] - carried[way])))
                if not data:
                    ways.clear()
                    break
                carried[way] += len(data)
                try:
                    while data:
                        data = data[os.write(target, data):]
                except BrokenPipeError:
                    ways.clear()
                    break
                if carried[way] >= limits[way]:
                    break
        if "CUTTER_COUNTS" in os.environ:
            pathlib.Path(os.environ["CUTTER_COUNTS"]).write_text(f"{carried[0]} {carried[1]}\n")
        other.stdin.close()
        os.close(sys.stdout.fileno())
        os.close(sys.stdin.fileno())


if __name__ == "__main__":
    main()
