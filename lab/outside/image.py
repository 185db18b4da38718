# SPDX-License-Identifier: BSD-3-Clause
"""Makes what the host boots from (Xen, dom0's kernel, initramfs, disk) out of Debian packages.

An image lies in the cache under a key hashed from all that went into it.
"""

import gzip
import lzma
import os
import secrets
import shutil
import struct

from . import cache, cpio, places, sources
from .steps import step

KEPT_IMAGES = 3
UNWANTED = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/icons",
            "usr/share/grub", "usr/lib/udev/hwdb.d", "lib/udev/hwdb.d", "usr/lib/python3.11/test",
            "usr/share/lintian", "usr/share/bug", "boot/*.efi", "boot/System.map-*", "dev/*",
            # Open vSwitch's Python library and the programs that neither it nor a vif needs
            "usr/lib/python3/dist-packages/ovs", "usr/bin/ovsdb-client", "usr/bin/ovs-dpctl*", "usr/sbin/ovs-bugtool",
            "usr/share/openvswitch/bugtool-plugins", "usr/bin/openssl")
XZ_MAGIC = b"\xfd7zXZ\0"
PATH = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
INTO_LAB = ("start", "link", "agent.py", "frames.py", "hot-files", "oxenstored.conf", "oxenstored-trace.conf")


def read_list(path):
    """The lines of a list file without comments."""
    lines = (line.split("#")[0].strip() for line in path.read_text().splitlines())
    return [line for line in lines if line]


def ingredients():
    """Everything that decides what an image holds, as {name: bytes}."""
    parts = {f"dom0/{path.name}": path.read_bytes() for path in sorted(places.DOM0.iterdir()) if path.is_file()}
    for name in ("image.py", "cpio.py"):
        parts[name] = (places.LAB / "outside" / name).read_bytes()
    for name, text in sources.chosen().items():
        parts[f"sources/{name}"] = text.encode()
    return parts


class Image:
    """The files of one finished image."""

    def __init__(self, folder):
        self.id = (folder / "id").read_text()
        self.folder = folder
        self.xen = folder / "xen"
        self.kernel = folder / "kernel"
        self.initramfs = folder / "initramfs"
        self.disk = folder / "disk"


def ensure(force, note):
    """Returns the current image, building it first when there is none."""
    folder = cache.build_once(f"image-{cache.key(ingredients())}", force, lambda whole: build(whole, note), note)
    os.utime(folder)
    cache.prune("image-", KEPT_IMAGES)
    return Image(folder)


def build(result, note):
    # Without root, mmdebstrap works in a user namespace.
    needed = ["mmdebstrap", "mke2fs", "tar"] + ([] if os.geteuid() == 0 else ["newuidmap"])
    mmdebstrap, mke2fs, tar = places.find_programs(*needed)[:3]
    beside, tree = result.parent, result.parent / "tree"
    tree.mkdir()
    with open(beside / "log", "w") as log:
        note("lab: making the host's image from Debian packages (1 minute or two, once) …")
        lists = []
        for name, text in sources.chosen().items():
            lists.append(beside / name)
            lists[-1].write_text(text)
        packages = beside / "packages.tar"
        step([mmdebstrap, "--variant=extract", "--include=" + ",".join(read_list(places.DOM0 / "packages")),
              '--aptopt=APT::Install-Recommends "false"', sources.SUITE, packages, *lists], log)
        note("lab: unpacking and trimming …")
        step([tar, "-xf", packages, "-C", tree, "--no-same-owner", "--exclude=./lib/modules/*/kernel/*",
              *(f"--exclude=./{path}" for path in UNWANTED)], log)
        release = next((tree / "lib/modules").iterdir()).name
        kept = [line.split() for line in read_list(places.DOM0 / "modules")]
        step([tar, "-xf", packages, "-C", tree, "--no-same-owner",
              *(f"./lib/modules/{release}/kernel/{path}.ko" for _, path in kept)], log)
        packages.unlink()
        complete(tree, release, kept, log)
        fill(result, tree, release, kept)
        # Two builds of the same key may hold other versions of packages; a kept host must not mix them.
        (result / "id").write_text(secrets.token_hex(8))
        note("lab: writing the disk …")
        disk = result / "disk"
        disk.touch()
        size = sum(path.lstat().st_size for path in tree.rglob("*")) * 5 // 4 // 2**20 + 64
        step([mke2fs, "-q", "-t", "ext4", "-O", "^has_journal", "-m", "0", "-b", "4096", "-E",
              "root_owner=0:0,lazy_itable_init=1", "-d", tree, disk, f"{size}M"], log)


def merge(tree, name):
    """Moves /bin and its like under /usr, as Debian's installer does."""
    for path in sorted((tree / name).rglob("*")):
        target = tree / "usr" / path.relative_to(tree)
        if path.is_dir() and not path.is_symlink():
            target.mkdir(exist_ok=True)
        elif not target.is_symlink() or not path.is_symlink():
            path.replace(target)
    shutil.rmtree(tree / name)
    (tree / name).symlink_to(f"usr/{name}")


def complete(tree, release, kept, log):
    """Does what the packages' maintainer scripts would have done, as far as a dom0 needs it."""
    for name in ("bin", "sbin", "lib", "lib64"):
        (tree / "usr" / name).mkdir(exist_ok=True)
        merge(tree, name)
    for name, target in (("usr/bin/awk", "mawk"), ("usr/bin/which", "which.debianutils"), ("var/run", "/run"),
                         ("var/lock", "/run/lock"), ("etc/mtab", "/proc/self/mounts"), ("usr/bin/sh", "dash"),
                         ("usr/sbin/ovs-vswitchd", "../lib/openvswitch-switch/ovs-vswitchd")):
        path = tree / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        if not path.is_symlink() and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(target)
    for name in ("passwd", "group"):
        shutil.copy(tree / f"usr/share/base-passwd/{name}.master", tree / f"etc/{name}")
    (tree / "etc/hostname").write_text("lab\n")
    (tree / "etc/hosts").write_text("127.0.0.1 localhost lab\n")
    lab = tree / "lab"
    lab.mkdir()
    for name in INTO_LAB:
        shutil.copy(places.DOM0 / name, lab / name)
    (lab / "late-modules").write_text("".join(f"{os.path.basename(path)}\n" for when, path in kept if when == "late"))
    for name in ("disk", "ram", "proc", "sys", "dev", "run", "tmp", "mnt", "root"):
        (tree / name).mkdir(exist_ok=True)
    # As root plainly, else as root of a user namespace.
    enter = [] if os.geteuid() == 0 else ["unshare", "--map-root-user"]
    for command in (["ldconfig"], ["depmod", release],
                    ["python3", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-x",
                     "lib2to3|idlelib|tkinter|/test", "/usr/lib/python3.11", "/usr/lib/python3", "/lab"]):
        step([*enter, "chroot", tree, *command], log, env=PATH)
    with open(lab / "hot", "w") as hot:
        step([*enter, "chroot", tree, "/lab/hot-files"], log, env=PATH, stdout=hot)


def unpack_kernel(image):
    """The ELF in a bzImage (Documentation/x86/boot.rst, 1.6): unpacking it here saves emulated seconds."""
    setup_sectors = image[0x1F1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (setup_sectors + 1) * 512 + offset
    payload = image[start:start + length]
    # What is not xz is left to Xen, which knows all formats.
    return lzma.LZMADecompressor().decompress(payload) if payload.startswith(XZ_MAGIC) else image


def fill(result, tree, release, kept):
    """Writes the files that QEMU loads itself."""
    with gzip.open(next((tree / "boot").glob("xen-*.gz"))) as packed, open(result / "xen", "wb") as xen:
        shutil.copyfileobj(packed, xen)
    (result / "kernel").write_bytes(unpack_kernel((tree / f"boot/vmlinuz-{release}").read_bytes()))
    early = [path for when, path in kept if when == "early"]
    files = {
        "init": (0o755, (places.DOM0 / "initramfs-init").read_bytes()),
        "bin/busybox": (0o755, (tree / "usr/bin/busybox").read_bytes()),
        "modules/order": (0o644, "".join(f"{os.path.basename(path)}.ko\n" for path in early).encode()),
    }
    for path in early:
        module = tree / f"usr/lib/modules/{release}/kernel/{path}.ko"
        files[f"modules/{module.name}"] = (0o644, module.read_bytes())
    (result / "initramfs").write_bytes(cpio.archive(files))
