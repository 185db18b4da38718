# SPDX-License-Identifier: BSD-3-Clause
"""What the host tests share: running commands, terminals, waiting, and proof that nothing is left."""

import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest

PATIENCE_S = 60  # an emulated host on a busy machine is slow; nothing here waits longer than it must

Result = collections.namedtuple("Result", "status out err")


def command(*words, typed=b"", limit=PATIENCE_S, setup=None):
    """Runs a command to its end and returns what it said, as text."""
    done = subprocess.run([str(word) for word in words], input=typed, capture_output=True, timeout=limit,
                          check=False, preexec_fn=setup)
    return Result(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def installed(name):
    """A file that was installed with cosmos, in the same prefix."""
    return pathlib.Path(shutil.which("cosmos")).resolve().parent.parent / "share/cosmos" / name


def guest_config():
    return installed("clickos-configs/guest.cfg")


def images():
    """Where the kernels built for tests lie; run sets it."""
    return pathlib.Path(os.environ["COSMOS_TEST_IMAGES"])


def image(name):
    """A kernel of the build, or a skip."""
    path = images() / name
    if not path.exists():
        raise unittest.SkipTest(f"{name} is not in {images()}; name its folder with --images")
    return path


def wait_until(condition, what, limit=PATIENCE_S, pause=0.1):
    """Waits until condition() holds, and returns what it gave."""
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {limit} s in vain: {what}")
        time.sleep(pause)


def domains():
    """Ids of all domains that Xen lists, but for the control domain; asked of xl, the judge beside us."""
    lines = command("xl", "list").out.splitlines()[1:]
    return {int(line.split()[-5]) for line in lines} - {0}


# What xl writes into the control domain's own directory is no guest's. Of libxl's own folders the
# empty ones stay for good.
NOT_OF_A_GUEST = re.compile(r"/local/domain/0(/(?!backend|error).*)?|/tool(/.*)?|/(vm|libxl)(/0(/.*)?)?|/libxl/(?!\d).*|"
                            r"/local/domain/0/(backend|error)(/[a-z]+)*")


def store_nodes():
    """Every XenStore node that belongs to a guest, as lines of path, value and permissions."""
    listing = command("xenstore-ls", "-f", "-p")
    if listing.status:
        raise AssertionError(f"xenstore-ls failed: {listing.err}")
    return {line for line in listing.out.splitlines() if not NOT_OF_A_GUEST.fullmatch(line.split(" = ")[0])}


# What a driver makes when it is loaded, and keeps.
NOT_OF_A_TEST = {"dummy0", "ovs-system"}


def interfaces():
    """Network interfaces of the control domain: vifs of guests, bridges, and what tests plug into them."""
    return {path.name for path in pathlib.Path("/sys/class/net").iterdir()} - NOT_OF_A_TEST


def processes():
    """Processes that work on guests, and the kernel's threads that work on their vifs."""
    found = set()
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue
        name = text[text.index("(") + 1:text.rindex(")")]
        if name in ("cosmos", "xl", "xenconsole") or re.match(r"vif\d+\.", name):
            found.add((int(stat.parent.name), name))
    return found


class Snapshot:
    """Domains, store nodes, network interfaces and processes of the host at one moment."""

    def __init__(self):
        self.domains, self.nodes = domains(), store_nodes()
        self.interfaces, self.processes = interfaces(), processes()

    def leftovers(self):
        """What is there now and was not then, in words."""
        left = [f"domain {identity}" for identity in sorted(domains() - self.domains)]
        left += [f"XenStore node {line}" for line in sorted(store_nodes() - self.nodes)]
        left += [f"network interface {name}" for name in sorted(interfaces() - self.interfaces)]
        return left + [f"process {pid} ({name})" for pid, name in sorted(processes() - self.processes)]


def sweep(before):
    """Removes by force what a failed test left, so that the next one is not blamed for it."""
    for pid, _ in processes():
        try:
            os.kill(pid, 9)
        except ProcessLookupError:
            pass
    for identity in domains():
        command("xl", "destroy", identity)
    command("cosmos", "reap")
    for line in store_nodes():
        path = line.split(" = ")[0]
        if re.match(r"/local/domain/\d+$|/(vm|libxl)/[^/]+$|/local/domain/0/(backend|error/backend)/\w+/\d+$", path):
            command("xenstore-rm", path)
    for name in interfaces() - before.interfaces:
        command("ip", "link", "del", name)


class HostTest(unittest.TestCase):
    """A test that ends with no domain, store node, network interface or process more than it began with."""

    before = None  # taken once: every test restores it
    folder = None

    def setUp(self):
        if HostTest.before is None:
            HostTest.before = Snapshot()
        self.addCleanup(self._nothing_left)
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.folder.chmod(0o755)
        self._destroys_at_end = False

    def _nothing_left(self):
        # Xen takes a moment to give the memory of the dead back, xenconsoled to hear of it.
        end = time.monotonic() + 10
        while left := HostTest.before.leftovers():
            if time.monotonic() > end:
                sweep(HostTest.before)
                self.fail("left behind:\n  " + "\n  ".join(left))
            time.sleep(0.2)

    def cosmos(self, *words, status=0, **how):
        """Runs cosmos, expects the exit status, and returns what it said."""
        result = command("cosmos", *words, **how)
        self.assertEqual(result.status, status, f"cosmos {' '.join(map(str, words))}: {result}")
        return result

    def xl(self, *words, **how):
        result = command("xl", *words, **how)
        self.assertEqual(result.status, 0, f"xl {' '.join(map(str, words))}: {result}")
        return result

    def refused(self, status, *words, says="", **how):
        """Expects cosmos to fail with this status and one clear line, and returns the line."""
        result = self.cosmos(*words, status=status, **how)
        self.assertEqual(result.out, "")
        self.assertRegex(result.err, r"\Acosmos: [^\n]+\n\Z")
        self.assertIn(says, result.err)
        self.assertNotRegex(result.err, r"[\x00-\x08\x0b-\x1f]", "control characters on the terminal")
        return result.err

    def destroy_at_end(self):
        """Whatever the test made is destroyed by cosmos; only then is looked for what is left."""
        if not self._destroys_at_end:
            self._destroys_at_end = True
            self.addCleanup(self.cosmos, "destroy", "all", "--yes")

    def create(self, *words, config=None, **how):
        """Creates guests and returns their ids."""
        self.destroy_at_end()
        made = self.cosmos("create", "-q", config or guest_config(), *words, **how)
        self.assertEqual(made.err, "")
        return [int(line) for line in made.out.split()]

    def create_one(self, *words, **how):
        (identity,) = self.create(*words, **how)
        return identity

    def guests(self):
        """{id: what list --json says of it}, without the destroyed whose last pages the daemons still hold"""
        listed = json.loads(self.cosmos("list", "--json").out)
        return {guest["id"]: guest for guest in listed if guest["state"] != "dying"}

    def state(self, identity):
        guest = self.guests().get(identity)
        return guest["state"] if guest else "gone"

    def wait_for_terminals(self, guests):
        """Waits until xenconsoled has met the guests: until then, destroy looks twice."""
        for guest in guests:
            wait_until(lambda guest=guest: command("xenstore-exists", f"/local/domain/{guest}/console/tty").status == 0,
                       f"no terminal for domain {guest}")

    def wait_for_state(self, identity, *states, limit=PATIENCE_S):
        return wait_until(lambda: self.state(identity) in states, f"domain {identity} {' or '.join(states)}", limit)

    def read_store(self, path):
        result = command("xenstore-read", path)
        return result.out[:-1] if result.status == 0 else None

    def write(self, name, content):
        """Makes a file in the test's own folder."""
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def config(self, _file="test.cfg", **settings):
        """Makes a guest config; strings are quoted."""
        lines = [f"{key} = '{value}'" if isinstance(value, (str, pathlib.Path)) else f"{key} = {value}"
                 for key, value in settings.items()]
        return self.write(_file, "\n".join(lines) + "\n")
