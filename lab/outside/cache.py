# SPDX-License-Identifier: BSD-3-Clause
"""Folders in the cache: named by a hash of what went into them, made once, never seen half-made."""

import fcntl
import hashlib
import pathlib
import shutil
import tempfile

from . import places


def key(parts):
    """A short name for a set of ingredients."""
    digest = hashlib.sha256()
    for name in sorted(parts):
        for piece in (name.encode(), parts[name]):
            digest.update(len(piece).to_bytes(8, "big") + piece)
    return digest.hexdigest()[:16]


def build_once(name, force, make, note):
    """Returns the cache's folder of that name; if it is not there, make(folder) fills it, one builder at a time."""
    cache = places.cache()
    folder = cache / name
    if folder.is_dir() and not force:
        return folder
    with open(cache / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            note("lab: waiting for another xenlab that fills the cache …")
            fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in cache.glob("building-*"):  # of builders that were killed: we hold the lock
            shutil.rmtree(leftover, ignore_errors=True)
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
