# SPDX-License-Identifier: BSD-3-Clause
"""Where things are: the repository, the lab's own files, the cache; and which programs are missing."""

import os
import pathlib
import shutil

from .errors import LabError

LAB = pathlib.Path(__file__).resolve().parent.parent
REPOSITORY = LAB.parent
DOM0 = LAB / "dom0"

PACKAGE_OF = {
    "qemu-system-x86_64": "qemu-system-x86",
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "newuidmap": "uidmap",
    "tar": "tar",
    "cmake": "cmake",
}


def cache():
    """The lab's cache folder, made if it is not there."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = pathlib.Path(base) / "cosmos-lab"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def find_programs(*names):
    """Returns the paths of the programs, or says in one line how to get all that are missing."""
    search = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    found = {name: shutil.which(name, path=search) for name in names}
    missing = sorted(PACKAGE_OF[name] for name in names if not found[name])
    if missing:
        raise LabError(f"missing here; get it with: sudo apt-get install {' '.join(missing)}")
    return [found[name] for name in names]
