# SPDX-License-Identifier: BSD-3-Clause
"""Makes what the host boots from (Xen, dom0's kernel, initramfs, disk) out of Debian packages.

An image lies in the cache under a key hashed from all that went into it. It is built beside its
place and renamed, so a half-built one is never taken as whole.
"""

import fcntl
import gzip
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from . import cpio, places
from .errors import LabError

SUITE = "bookworm"
KEPT_IMAGES = 3
DEFAULT_SOURCES = f"""\
deb http://deb.debian.org/debian {SUITE} main
deb http://deb.debian.org/debian {SUITE}-updates main
deb http://deb.debian.org/debian-security {SUITE}-security main
"""
SOURCES_FOLDER = pathlib.Path("/etc/apt")
UNWANTED = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/icons",
            "usr/share/grub", "usr/lib/udev/hwdb.d", "lib/udev/hwdb.d", "usr/lib/python3.11/test",
            "usr/share/lintian", "usr/share/bug", "boot/*.efi", "boot/System.map-*", "dev/*")
INTO_LAB = ("start", "agent.py", "frames.py", "oxenstored.conf", "oxenstored-trace.conf")


def read_list(path):
    """The lines of a list file without comments."""
    lines = (line.split("#")[0].strip() for line in path.read_text().splitlines())
    return [line for line in lines if line]


def stanzas(text):
    """The deb822 stanzas of a .sources file, comments taken out."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return [part for part in "\n".join(lines).split("\n\n") if part.strip()]


def is_debian(text):
    """Whether a source (a line or a stanza) is Debian, or a mirror of it, in our release."""
    return re.search(r"\S+://\S*debian", text) is not None and SUITE in text


def sources(folder=SOURCES_FOLDER):
    """The machine's Debian sources for our release as {file name: text}, else Debian's own."""
    chosen = {}
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
            chosen[path.name] = text + "\n"
    return chosen or {"debian.list": DEFAULT_SOURCES}


def ingredients():
    """Everything that decides what an image holds, as {name: bytes}."""
    parts = {f"dom0/{path.name}": path.read_bytes() for path in sorted(places.DOM0.iterdir()) if path.is_file()}
    for name in ("image.py", "cpio.py"):
        parts[name] = (places.LAB / "outside" / name).read_bytes()
    for name, text in sources().items():
        parts[f"sources/{name}"] = text.encode()
    return parts


def key(parts):
    """A short name for a set of ingredients."""
    digest = hashlib.sha256()
    for name in sorted(parts):
        for piece in (name.encode(), parts[name]):
            digest.update(len(piece).to_bytes(8, "big") + piece)
    return digest.hexdigest()[:16]


class Image:
    """The files of one finished image."""

    def __init__(self, folder):
        self.folder = folder
        self.xen = folder / "xen"
        self.kernel = folder / "vmlinuz"
        self.initramfs = folder / "initramfs"
        self.disk = folder / "disk"


def build_once(name, force, make):
    """Returns the cache's folder of that name; if it is not there, make(folder) fills it, one builder at a time."""
    cache = places.cache()
    folder = cache / name
    if folder.is_dir() and not force:
        return folder
    with open(cache / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in cache.glob("building-*"):  # of builders that were killed: we hold the lock
            shutil.rmtree(leftover)
        if folder.is_dir() and not force:
            return folder
        beside = pathlib.Path(tempfile.mkdtemp(prefix="building-", dir=cache))
        try:
            whole = beside / "whole"
            whole.mkdir()
            make(whole)
            if folder.is_dir():
                folder.rename(beside / "old")
            whole.rename(folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    return folder


def prune(prefix, count):
    """Removes all but the count folders of that prefix that were used last."""
    folders = sorted(places.cache().glob(prefix + "*"), key=lambda path: path.stat().st_mtime)
    for folder in folders[:-count]:
        shutil.rmtree(folder, ignore_errors=True)


def ensure(force, note):
    """Returns the current image, building it first when there is none."""
    folder = build_once(f"image-{key(ingredients())}", force, lambda whole: build(whole, note))
    os.utime(folder)
    prune("image-", KEPT_IMAGES)
    return Image(folder)


def step(command, log, **options):
    """Runs one step of the build; when it fails, shows the end of its log."""
    result = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=log,
                            stderr=subprocess.STDOUT, check=False, **options)
    if result.returncode:
        log.flush()
        tail = "\n".join(pathlib.Path(log.name).read_text(errors="replace").splitlines()[-15:])
        raise LabError(f"{tail}\nlab: {command[0]} failed while building the image (see above)")


def build(result, note):
    mmdebstrap, mke2fs, tar = places.find_programs("mmdebstrap", "mke2fs", "tar")
    beside, tree = result.parent, result.parent / "tree"
    tree.mkdir()
    with open(beside / "log", "w") as log:
        note("lab: making the host's image from Debian packages (1 minute or two, once) …")
        lists = []
        for name, text in sources().items():
            lists.append(beside / name)
            lists[-1].write_text(text)
        packages = beside / "packages.tar"
        step([mmdebstrap, "--variant=extract", "--include=" + ",".join(read_list(places.DOM0 / "packages")),
              '--aptopt=APT::Install-Recommends "false"', SUITE, packages, *lists], log)
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
                         ("var/lock", "/run/lock"), ("etc/mtab", "/proc/self/mounts"), ("usr/bin/sh", "dash")):
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
        step([*enter, "chroot", tree, *command], log, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})


def fill(result, tree, release, kept):
    """Writes the files that QEMU loads itself."""
    with gzip.open(next((tree / "boot").glob("xen-*.gz"))) as packed, open(result / "xen", "wb") as xen:
        shutil.copyfileobj(packed, xen)
    shutil.copy(tree / f"boot/vmlinuz-{release}", result / "vmlinuz")
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
