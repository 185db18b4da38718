# SPDX-License-Identifier: BSD-3-Clause
"""Which Debian archives the image is made from: those this machine is set to, else Debian's own."""

import pathlib
import re

SUITE = "bookworm"
DEFAULT_SOURCES = f"""\
deb http://deb.debian.org/debian {SUITE} main
deb http://deb.debian.org/debian {SUITE}-updates main
deb http://deb.debian.org/debian-security {SUITE}-security main
"""
SOURCES_FOLDER = pathlib.Path("/etc/apt")


def stanzas(text):
    """The deb822 stanzas of a .sources file, comments taken out."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return [part for part in "\n".join(lines).split("\n\n") if part.strip()]


def is_debian(text):
    """Whether a source (a line or a stanza) is Debian, or a mirror of it, in our release."""
    return re.search(r"\S+://\S*debian", text) is not None and SUITE in text


def chosen(folder=SOURCES_FOLDER):
    """The machine's Debian sources for our release as {file name: text}, else Debian's own."""
    found = {}
    for path in sorted([folder / "sources.list", *(folder / "sources.list.d").glob("*")]):
        if not path.is_file():
            continue
        if path.suffix == ".sources":
            parts = [part for part in stanzas(path.read_text(errors="replace")) if is_debian(part)]
            text = "\n\n".join(parts)
        elif path.suffix == ".list":
            lines = [line for line in path.read_text(errors="replace").splitlines()
                     if line.startswith("deb ") and is_debian(line)]
            text = "\n".join(lines)
        else:
            continue
        if text:
            found[path.name] = text + "\n"
    return found or {"debian.list": DEFAULT_SOURCES}
