# SPDX-License-Identifier: BSD-3-Clause
"""The hotplug script vif-cosmos: by itself, as xl calls it, and as cosmos does."""

import os
import re
import subprocess

import debian
import initramfs
import switches
from hostlib import HostTest, PATIENCE_S, Result, command, installed, wait_until

MOST_PROCESSES = 5
PATIENT = ("--timeout", str(PATIENCE_S))  # of cosmos create: Open vSwitch is slow on a busy host
BACKEND = "/local/domain/0/backend/vif/32000"  # of a domain that no host reaches


def script():
    return installed("hotplug/vif-cosmos")


class Hotplug(HostTest):
    """What the tests of the script share: a bridge, and a count of what it starts."""

    def setUp(self):
        super().setUp()
        self.bridge = self.enterContext(switches.linux_bridge("hot0"))

    def ovs(self):
        return self.enterContext(switches.ovs_bridge("hotovs0"))

    def traced(self, actions="*"):
        """A script that runs ours, for these actions under strace."""
        calls = "execve,clone,clone3,fork,vfork"
        strace = f"strace -f -o {self.folder}/trace.$1 -e trace={calls}"
        path = self.write("traced", f"#!/bin/sh\ncase $1 in\n{actions}) exec {strace} {script()} \"$@\" ;;\n"
                                    f"*) exec {script()} \"$@\" ;;\nesac\n")
        path.chmod(0o755)
        return path

    def started(self, action):
        """The programs that a traced run started; fails when it started more processes than allowed."""
        lines = (self.folder / f"trace.{action}").read_text().splitlines()
        programs = [match[1].rsplit("/", 1)[-1] for line in lines
                    if (match := re.search(r' execve\("([^"]+)".* = 0$', line))]
        self.assertEqual(programs[0], "vif-cosmos")
        processes = {line.split()[0] for line in lines}
        self.assertLessEqual(len(processes) - 1, MOST_PROCESSES, lines)
        self.assertLessEqual(len(programs) - 1, MOST_PROCESSES, lines)
        return programs[1:]


class Alone(Hotplug):
    """Called by hand, on an interface that stands for a vif."""

    def setUp(self):
        super().setUp()
        self.vif = self.enterContext(switches.interface("vif32000.0"))
        self.addCleanup(command, "xenstore-rm", BACKEND)

    def run_script(self, *words, program=None, **environment):
        """Runs the script with Xen's environment, changed as told (None takes a variable out)."""
        given = {"PATH": os.environ["PATH"], "vif": self.vif, "XENBUS_PATH": f"{BACKEND}/0", "XENBUS_TYPE": "vif",
                 "XENBUS_BASE_PATH": "backend", **environment}
        done = subprocess.run([program or script(), *words], capture_output=True, text=True, timeout=PATIENCE_S,
                              check=False, env={name: value for name, value in given.items() if value is not None})
        return Result(done.returncode, done.stdout, done.stderr)

    def works(self, *words, **how):
        self.assertEqual(self.run_script(*words, **how), Result(0, "", ""))

    def fails(self, *words, says, names=("vif32000.0", "hot0"), **environment):
        """Expects a failure that says why in one line, which also lies in the store if a vif was to be joined."""
        command("xenstore-rm", BACKEND)
        result = self.run_script(*words, **environment)
        self.assertNotEqual(result.status, 0)
        self.assertEqual(result.out, "")
        self.assertRegex(result.err, r"\Avif-cosmos: [^\n]+\n\Z")
        for part in (says, *names):
            self.assertIn(part, result.err)
        return result.err[:-1]

    def bridge_in_store(self, name, **more):
        for key, value in {"bridge": name, **more}.items():
            command("xenstore-write", f"{BACKEND}/0/{key}", value)

    def test_joins_with_the_bridge_of_the_environment(self):
        self.works("online", "type_if=vif", program=self.traced(), bridge="hot0")
        self.assertEqual(self.started("online"), ["ip", "xenstore-write"])
        self.assertEqual(switches.linux_ports("hot0"), [self.vif])
        self.assertEqual(self.read_store(f"{BACKEND}/0/hotplug-status"), "connected")
        self.assertIn(",UP", switches.done("ip", "link", "show", self.vif))

    def test_joins_with_the_bridge_of_the_store(self):
        self.bridge_in_store("hot0")
        self.works("add", "type_if=vif", program=self.traced())
        self.assertEqual(self.started("add"), ["xenstore-read", "ip", "xenstore-write"])
        self.assertEqual(switches.linux_ports("hot0"), [self.vif])

    def test_a_stray_variable_of_xls_shell_does_not_count(self):
        self.bridge_in_store("hot0")
        self.works("online", "type_if=vif", bridge="lo", netdev="")
        self.assertEqual(switches.linux_ports("hot0"), [self.vif])

    def test_does_it_twice(self):
        for _ in range(2):
            self.works("online", bridge="hot0")
        self.assertEqual(switches.linux_ports("hot0"), [self.vif])

    def test_takes_out_and_is_content_when_it_is_gone(self):
        self.works("online", bridge="hot0")
        self.works("offline", "type_if=vif", program=self.traced(), bridge="hot0")
        self.assertEqual(self.started("offline"), ["ip"])
        self.assertEqual(switches.linux_ports("hot0"), [])
        switches.done("ip", "link", "del", self.vif)
        self.works("offline", bridge="hot0")
        self.works("remove")

    def test_renames_and_keeps_the_bridges_mtu(self):
        switches.done("ip", "link", "set", "hot0", "mtu", "4000")
        self.bridge_in_store("hot0", vifname="willow")
        self.works("online", "type_if=vif")
        self.assertEqual(switches.linux_ports("hot0"), ["willow"])
        self.assertEqual((switches.NETWORK / "willow/mtu").read_text(), "4000\n")
        self.assertEqual((switches.NETWORK / "hot0/mtu").read_text(), "4000\n")
        self.works("offline", "type_if=vif")
        self.assertEqual(switches.linux_ports("hot0"), [])

    def test_joins_a_tap_and_leaves_the_vifs_status_alone(self):
        self.bridge_in_store("hot0")
        self.works("add", "type_if=tap", vif="vif32000.1", INTERFACE=self.vif)
        self.assertEqual(switches.linux_ports("hot0"), [self.vif])
        self.assertIsNone(self.read_store(f"{BACKEND}/0/hotplug-status"))
        self.works("remove", "type_if=tap", vif="vif32000.1", INTERFACE=self.vif)
        self.assertEqual(switches.linux_ports("hot0"), [])

    def test_joins_open_vswitch_and_leaves_it(self):
        self.ovs()
        self.works("online", "type_if=vif", program=self.traced(), bridge="hotovs0")
        self.assertEqual(self.started("online"), ["ip", "ovs-vsctl", "xenstore-write"])
        self.assertEqual(switches.ovs_ports("hotovs0"), [self.vif])
        self.works("offline", "type_if=vif", program=self.traced(), bridge="hotovs0")
        self.assertEqual(self.started("offline"), ["ovs-vsctl"])
        self.assertEqual(switches.ovs_ports("hotovs0"), [])

    def test_open_vswitch_forgets_a_port_whose_interface_is_gone(self):
        self.ovs()
        self.works("online", bridge="hotovs0")
        switches.done("ip", "link", "del", self.vif)
        self.works("offline", bridge="hotovs0")
        self.assertEqual(switches.ovs_ports("hotovs0"), [])

    def test_says_what_is_wrong(self):
        for says, names, how in (
                ("no bridge is given", ["vif32000.0"], {}),
                ("there is no such bridge", ["vif32000.0", "hot9"], {"bridge": "hot9"}),
                ("there is no such interface", ["vif32000.7", "hot0"], {"bridge": "hot0", "vif": "vif32000.7"})):
            with self.subTest(says):
                line = self.fails("online", "type_if=vif", says=says, names=names, **how)
                self.assertEqual(self.read_store(f"{BACKEND}/0/hotplug-status"), "error")
                self.assertEqual(self.read_store(f"{BACKEND}/0/hotplug-error"), line)
        for says, words, how in (("'reload'", ["reload"], {}), ("''", [], {}),
                                 ("must be in the environment", ["online"], {"vif": None}),
                                 ("must be in the environment", ["online"], {"XENBUS_PATH": None})):
            with self.subTest(says, how=how):
                self.fails(*words, says=says, names=[], **how)
                self.assertIsNone(self.read_store(f"{BACKEND}/0/hotplug-status"))

    def test_a_network_card_is_no_bridge(self):
        with switches.interface("hotcard0"):
            self.fails("online", says="hotcard0", bridge="hotcard0", names=[self.vif])
            self.ovs()
            self.fails("online", says="no bridge named hotcard0", bridge="hotcard0", names=[self.vif])


class UnderXl(Hotplug):
    def xl_create(self, vif, status=0):
        """Lets xl create our guest with this vif, and returns its id, or what xl says when it fails."""
        self.destroy_at_end()
        config = self.config("hazel.cfg", name="hazel", type="pv", kernel=installed("guest.elf"), memory=4, vif=[vif])
        made = command("xl", "create", "-e", config)
        self.assertEqual(bool(made.status), bool(status), made)
        return made.err if status else int(self.xl("domid", "hazel").out)

    def attaches(self, bridge, ports, joins, leaves):
        guest = self.xl_create(f"script={self.traced()},bridge={bridge}")
        self.assertEqual(ports(bridge), [f"vif{guest}.0"])
        self.assertEqual(self.read_store(f"/local/domain/0/backend/vif/{guest}/0/hotplug-status"), "connected")
        self.assertEqual(self.started("online"), joins)
        self.xl("destroy", guest)
        self.assertEqual(ports(bridge), [])
        self.assertEqual(self.started("offline"), leaves)

    def test_joins_and_leaves_a_linux_bridge(self):
        self.attaches("hot0", switches.linux_ports, ["xenstore-read", "ip", "xenstore-write"], ["xenstore-read"])

    def test_joins_and_leaves_open_vswitch(self):
        self.attaches(self.ovs(), switches.ovs_ports, ["xenstore-read", "ip", "ovs-vsctl", "xenstore-write"],
                      ["xenstore-read", "ovs-vsctl"])

    def test_gives_the_chosen_name(self):
        guest = self.xl_create(f"script={script()},bridge=hot0,vifname=willow")
        self.assertEqual(switches.linux_ports("hot0"), ["willow"])
        self.xl("destroy", guest)

    def test_tells_xl_why_it_fails(self):
        said = self.xl_create(f"script={script()},bridge=hot9", status=1)
        self.assertRegex(said, r"vif\d+\.0, bridge hot9: there is no such bridge")


class Pings(HostTest):
    """Debian's kernel with one vif on a Linux bridge and one on Open vSwitch."""

    def setUp(self):
        super().setUp()
        self.enterContext(switches.linux_bridge("hot0", "10.77.0.1/24"))
        self.enterContext(switches.ovs_bridge("hotovs0", "10.78.0.1/24"))
        self.destroy_at_end()

    def debian(self, script, **settings):
        ramdisk = self.write("initramfs", initramfs.networked("10.77.0.2/24", "10.78.0.2/24"))
        vifs = [f"bridge=hot0,script={script},ip=10.77.0.2/24", f"bridge=hotovs0,script={script},ip=10.78.0.2/24"]
        return self.config(name="debian", kernel=debian.kernel(), ramdisk=ramdisk, memory=160,
                           extra="console=hvc0 quiet", vif=vifs, **settings)

    def answers(self):
        for address in ("10.77.0.2", "10.78.0.2"):
            wait_until(lambda address=address: command("ping", "-c", "1", "-W", "1", address).status == 0,
                       f"no answer from {address}", debian.BOOT_S)
            self.assertIn(" 0% packet loss", command("ping", "-c", "5", "-i", "0.2", "-W", "5", address).out)

    def test_answers_when_xl_created_it(self):
        self.xl("create", "-e", self.debian(script(), type="pv"))
        self.answers()
        self.xl("destroy", "debian")
        self.assertEqual((switches.linux_ports("hot0"), switches.ovs_ports("hotovs0")), ([], []))

    def test_answers_when_cosmos_created_it(self):
        guest = self.create_one(*PATIENT, config=self.debian("vif-cosmos"))
        self.answers()
        self.cosmos("destroy", guest)
        self.assertEqual((switches.linux_ports("hot0"), switches.ovs_ports("hotovs0")), ([], []))


class UnderCosmos(Hotplug):
    def attaches(self, bridge, ports):
        # Destroying gives a script 5 s, in which a busy host hardly gets through one that is traced.
        script_seen = self.traced("online")
        guest = self.create_one(*PATIENT, f"vif=['bridge={bridge},script={script_seen}']")
        self.assertEqual(ports(bridge), [f"vif{guest}.0"])
        self.assertEqual(self.read_store(f"/local/domain/0/backend/vif/{guest}/0/hotplug-status"), "connected")
        self.assertNotIn("xenstore-read", self.started("online"))
        self.cosmos("destroy", guest)
        self.assertEqual(ports(bridge), [])

    def test_joins_and_leaves_a_linux_bridge(self):
        self.attaches("hot0", switches.linux_ports)

    def test_joins_and_leaves_open_vswitch(self):
        self.attaches(self.ovs(), switches.ovs_ports)

    def test_finds_the_script_by_its_name(self):
        guest = self.create_one(*PATIENT, "vif=['bridge=hot0,script=vif-cosmos']")
        self.assertEqual(switches.linux_ports("hot0"), [f"vif{guest}.0"])

    def test_leaves_nothing_when_the_script_fails(self):
        self.refused(1, "create", installed("clickos-configs/guest.cfg"), "vif=['bridge=hot9,script=vif-cosmos']",
                     says="hot9")
        self.assertEqual(self.guests(), {})
