# SPDX-License-Identifier: BSD-3-Clause
"""Bridges for tests, Linux's and Open vSwitch's. Each is a context that leaves the host as it was."""

import atexit
import contextlib
import functools
import pathlib
import shutil
import tempfile
import unittest

from hostlib import command

SCHEMA = pathlib.Path("/usr/share/openvswitch/vswitch.ovsschema")
RUN = pathlib.Path("/var/run/openvswitch")
NETWORK = pathlib.Path("/sys/class/net")


def done(*words):
    """Runs a command that must succeed."""
    result = command(*words)
    if result.status:
        raise AssertionError(f"{' '.join(map(str, words))}: {result}")
    return result.out


@contextlib.contextmanager
def station(bridge, address, gateway):
    """A network namespace whose one interface is plugged into the bridge; its name."""
    name = f"on-{bridge}"
    done("ip", "netns", "add", name)
    try:
        done("ip", "link", "add", name, "master", bridge, "up", "type", "veth", "peer", "name", "inside", "netns", name)
        done("ip", "-n", name, "addr", "add", address, "dev", "inside")
        done("ip", "-n", name, "link", "set", "inside", "up")
        done("ip", "-n", name, "route", "add", "default", "via", gateway)
        yield name
    finally:
        done("ip", "netns", "del", name)


@contextlib.contextmanager
def linux_bridge(name, address="", mtu=1500):
    """A bridge of the kernel's that is up; the address ("10.0.0.1/24"), if given, is the control domain's there."""
    # With an address of its own a bridge does not take on its ports'.
    done("ip", "link", "add", name, "address", "02:00:00:00:00:01", "mtu", mtu, "type", "bridge")
    try:
        done("ip", "link", "set", name, "up")
        if address:
            done("ip", "addr", "add", address, "dev", name)
        yield name
    finally:
        done("ip", "link", "del", name)


@functools.cache
def start_open_vswitch():
    """Starts Open vSwitch, unless it runs, and stops it when the tests end: starting takes longer than a test."""
    if not SCHEMA.exists() or not shutil.which("ovs-vsctl"):
        raise unittest.SkipTest("Open vSwitch is not installed (openvswitch-switch)")
    if (RUN / "db.sock").exists():
        return
    folder = pathlib.Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    RUN.mkdir(exist_ok=True)
    database = folder / "switches.db"
    done("modprobe", "openvswitch")
    done("ovsdb-tool", "create", database, SCHEMA)
    done("ovsdb-server", f"--remote=punix:{RUN}/db.sock", "--pidfile", "--detach", "-vconsole:off", database)
    atexit.register(done, "ovs-appctl", "-t", "ovsdb-server", "exit")
    done("ovs-vsctl", "--no-wait", "init")
    done("ovs-vswitchd", "--pidfile", "--detach", "-vconsole:off")
    atexit.register(done, "ovs-appctl", "-t", "ovs-vswitchd", "exit", "--cleanup")


@contextlib.contextmanager
def ovs_bridge(name, address=""):
    """A bridge of Open vSwitch's that is up, like linux_bridge."""
    start_open_vswitch()
    done("ovs-vsctl", "--timeout=30", "add-br", name)
    try:
        done("ip", "link", "set", name, "up")
        if address:
            done("ip", "addr", "add", address, "dev", name)
        yield name
    finally:
        done("ovs-vsctl", "--timeout=30", "del-br", name)


@contextlib.contextmanager
def interface(name):
    """An interface that stands for a vif."""
    done("ip", "link", "add", name, "type", "dummy")
    try:
        yield name
    finally:
        for left in (name, "willow"):
            if (NETWORK / left).exists():
                done("ip", "link", "del", left)


def linux_ports(bridge):
    return sorted(path.name for path in (NETWORK / bridge / "brif").iterdir())


def ovs_ports(bridge):
    return sorted(done("ovs-vsctl", "--timeout=30", "list-ports", bridge).split())
