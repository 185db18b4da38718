# SPDX-License-Identifier: BSD-3-Clause
"""Installs the project from its build tree into a folder, as it would be on a real host."""

import contextlib
import fcntl
import os
import pathlib
import subprocess

from . import places
from .errors import LabError, WRONG_USAGE

DEFAULT_BUILD = places.REPOSITORY / "build" / "release"
HOW_TO_BUILD = "cmake --preset release && cmake --build --preset release"


@contextlib.contextmanager
def alone(folder):
    """One lab at a time: cmake writes to the build tree when it installs from it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def stage(build, folder):
    """Installs the build tree under folder with the prefix /usr."""
    build = pathlib.Path(build).resolve()
    if not (build / "cmake_install.cmake").is_file():
        raise LabError(f"{build} is not built; run: {HOW_TO_BUILD} (or use --build DIR, or --no-project)",
                       WRONG_USAGE)
    (cmake,) = places.find_programs("cmake")
    with alone(build):
        result = subprocess.run([cmake, "--install", str(build), "--prefix", "/usr"], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                                env={**os.environ, "DESTDIR": str(folder)})
    if result.returncode:
        reason = next((line for line in result.stdout.splitlines() if "cannot find" in line), "")
        raise LabError(f"cannot install from {build}{': ' + reason.strip() if reason else ''}; "
                       f"build it whole first: {HOW_TO_BUILD}", WRONG_USAGE)
