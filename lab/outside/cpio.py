# SPDX-License-Identifier: BSD-3-Clause
"""Writes an archive in cpio's "newc" format, which Linux unpacks as its initramfs."""

REGULAR, DIRECTORY = 0o100000, 0o040000


def entry(name, mode, data=b""):
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    head = header + name.encode() + b"\0"
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def archive(files):
    """Returns the archive of {path: (permissions, bytes)}, parent folders included."""
    parts, folders = [], set()
    for path, (permissions, data) in files.items():
        steps = path.split("/")[:-1]
        for depth in range(1, len(steps) + 1):
            folder = "/".join(steps[:depth])
            if folder not in folders:
                folders.add(folder)
                parts.append(entry(folder, DIRECTORY | 0o755))
        parts.append(entry(path, REGULAR | permissions, data))
    parts.append(entry("TRAILER!!!", 0))
    return b"".join(parts)
