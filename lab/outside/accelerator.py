# SPDX-License-Identifier: BSD-3-Clause
"""Finds out whether KVM can really run Xen here. That /dev/kvm exists says nothing: it is tried once."""

import dataclasses
import os
import platform
import select
import subprocess
import time

from . import cache, machine, places

DEVICE = "/dev/kvm"
TRIAL_LIMIT_S = 20


def choose(wanted, clock, kernel, settings):
    """Returns "kvm" or "tcg"; the instruction clock exists in TCG alone."""
    if clock == "instructions" or wanted == "tcg":
        return "tcg"
    return "kvm" if wanted == "kvm" or kvm_runs_xen(kernel, settings) else "tcg"


def kvm_runs_xen(kernel, settings):
    """The verdict on this machine, kernel and QEMU; found by booting once, then remembered."""
    if not os.access(DEVICE, os.R_OK | os.W_OK):
        return False
    (qemu,) = places.find_programs("qemu-system-x86_64")
    trial = dataclasses.replace(settings, accelerator="kvm")
    version = subprocess.run([qemu, "--version"], stdout=subprocess.PIPE, check=True).stdout
    name = cache.key({"machine": " ".join(platform.uname()).encode(), "qemu": version,
                      "processor": machine.host_processor(trial)})
    verdict = places.cache() / f"kvm-{name}"
    if not verdict.exists():
        written = verdict.with_name(f"{verdict.name}.{os.getpid()}")
        written.write_text("yes" if boots(kernel, trial) else "no")
        written.rename(verdict)
    return verdict.read_text() == "yes"


def boots(kernel, settings):
    """Whether dom0 comes up; a processor that KVM gives up on is noticed at once."""
    end = time.monotonic() + TRIAL_LIMIT_S
    with machine.Machine(kernel, settings, machine.memory(settings)) as host:
        try:
            while time.monotonic() < end:
                if select.select([host.agent], [], [], 0.2)[0]:
                    return bool(host.agent.recv(1))
                if not host.monitor.execute("query-status")["running"]:
                    return False
        except (EOFError, ConnectionError):
            pass
    return False
