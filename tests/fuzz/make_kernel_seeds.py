#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the seeds of kernel_fuzz: one small kernel for each flavour of notes and packing.

The seeds are committed, so this runs only when a flavour is added."""
import argparse
import gzip
import lzma
import pathlib
import struct

PT_LOAD, PT_NOTE, SHT_STRTAB, SHT_NOTE, SHT_PROGBITS = 1, 4, 3, 7, 1
ENTRY, HYPERCALL_PAGE, VIRT_BASE, XEN_VERSION, GUEST_OS, LOADER, FEATURES = 1, 2, 3, 5, 6, 8, 10


def note(kind, value):
    """One ELF note of Xen's (xen/elfnote.h)."""
    data = struct.pack("<Q", value) if isinstance(value, int) else value.encode() + b"\0"
    return struct.pack("<III", 4, len(data), kind) + b"Xen\0" + data + bytes(-len(data) % 4)


def elf(segments, sections=(), entry=0):
    """An ELF64 file from (type, paddr, bytes, memory size) and (type, name, bytes)."""
    body, program_headers, section_headers = b"", b"", b""
    base = 64 + 56 * len(segments)
    for kind, paddr, data, memory_size in segments:
        program_headers += struct.pack("<IIQQQQQQ", kind, 7, base + len(body), paddr, paddr,
                                       len(data), memory_size, 4096)
        body += data
    names = b"\0.shstrtab\0"
    if sections:
        for kind, name, data in sections:
            section_headers += struct.pack("<IIQQQQIIQQ", len(names), kind, 0, 0,
                                           base + len(body), len(data), 0, 0, 4, 0)
            body += data
            names += name.encode() + b"\0"
        first = bytes(64) + struct.pack("<IIQQQQIIQQ", 1, SHT_STRTAB, 0, 0, base + len(body),
                                        len(names), 0, 0, 1, 0)
        section_headers = first + section_headers
        body += names
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 62, 1, entry, 64,
                         base + len(body) if sections else 0, 0, 64, 56, len(segments), 64,
                         len(section_headers) // 64, 1 if sections else 0)
    return header + program_headers + body + section_headers


def zstd_raw(data):
    """A zstd frame of one raw block (RFC 8878), for want of a compressor in the library."""
    frame_header = b"\x28\xb5\x2f\xfd\x60" + struct.pack("<H", len(data) - 256)
    return frame_header + struct.pack("<I", len(data) << 3 | 1)[:3] + data


def bzimage(payload):
    """A Linux bzImage of boot protocol 2.15 with one sector of setup code."""
    setup = bytearray(1024)
    setup[0x1F1] = 1
    setup[0x1FE:0x200] = b"\x55\xaa"
    setup[0x202:0x208] = b"HdrS\x0f\x02"
    struct.pack_into("<II", setup, 0x248, 0, len(payload))
    return bytes(setup) + payload


def seeds():
    """Name and bytes of each."""
    notes = (note(GUEST_OS, "seed") + note(XEN_VERSION, "xen-3.0") + note(LOADER, "generic") +
             note(FEATURES, "!writable_page_tables|pae_pgdir_above_4gb"))
    linux = elf([(PT_LOAD, 0x1000000, b"text", 0x2000), (PT_LOAD, 0x1002000, b"data", 0x1000),
                 (PT_NOTE, 0, notes + note(VIRT_BASE, 0xFFFFFFFF80000000) +
                  note(ENTRY, 0xFFFFFFFF81000000) + note(HYPERCALL_PAGE, 0xFFFFFFFF81001000), 0)])
    minios = elf([(PT_LOAD, 0, b"text", 0x2000)],
                 [(SHT_NOTE, ".note", notes + note(HYPERCALL_PAGE, 0x1000))])
    legacy = elf([(PT_LOAD, 0, b"text", 0x3000)], [(SHT_PROGBITS, "__xen_guest", (
        b"GUEST_OS=seed,XEN_VER=xen-3.0,VIRT_BASE=0x0,ELF_PADDR_OFFSET=0x0,HYPERCALL_PAGE=0x2,"
        b"FEATURES=a|b,PAE=yes[extended-cr3],LOADER=generic\0"))])
    xz = lzma.compress(linux, check=lzma.CHECK_CRC32, filters=[
        {"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2, "preset": 0}])
    size = struct.pack("<I", len(linux))
    return {
        "notes-in-segment": linux, "notes-in-section": minios, "legacy-string": legacy,
        "gzip": gzip.compress(minios, mtime=0), "xz": xz, "zstd": zstd_raw(linux),
        "bzimage-gzip": bzimage(gzip.compress(linux, mtime=0)), "bzimage-xz": bzimage(xz + size),
        "bzimage-zstd": bzimage(zstd_raw(linux) + size), "bzimage-elf": bzimage(minios),
    }


def main():
    """Writes each seed to its file."""
    parser = argparse.ArgumentParser(description=__doc__)
    here = pathlib.Path(__file__).parent
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=here / "corpus/kernel",
                        help="where to write (default: %(default)s)")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in seeds().items():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
