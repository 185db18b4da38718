# SPDX-License-Identifier: BSD-3-Clause
"""Switches: made, adopted, removed, refused, and guests spread over them, also when some are full."""

import collections
import ipaddress
import json
import pathlib

import switches
from hostlib import HostTest, command, interfaces, wait_until
from networks import VifTest, remove_switch

PORTS = 1023  # of a Linux bridge
GROUP = 77  # of the interfaces that fill one


class Switch(HostTest):
    """Tests that begin without a switch."""

    def add(self, name, *options):
        self.cosmos("switch", "add", name, *options)
        self.addCleanup(lambda: name in dict(self.names()).values() and remove_switch(name))

    def listed(self):
        return json.loads(self.cosmos("switch", "list", "--json").out)

    def names(self):
        return [(one["number"], one["name"]) for one in self.listed()]


class Managed(Switch):
    def test_is_a_bridge_that_is_up_and_has_its_address(self):
        self.add("sw7", "--address", "10.70.0.1/21")
        self.assertEqual(self.listed(), [{"number": 0, "name": "sw7", "up": True, "ports": 0, "free_ports": PORTS,
                                          "uplinks": [], "address": "10.70.0.1/21"}])
        head, row = self.cosmos("switch", "list").out.splitlines()
        self.assertEqual(head.split(), ["NUMBER", "NAME", "STATE", "PORTS", "FREE", "ADDRESS", "UPLINKS"])
        self.assertEqual(row.split(), ["0", "sw7", "up", "0", str(PORTS), "10.70.0.1/21", "-"])
        self.assertTrue(pathlib.Path("/sys/class/net/sw7/bridge").exists())
        self.assertIn(" 10.70.0.1/21 ", switches.done("ip", "-o", "addr", "show", "dev", "sw7"))
        self.cosmos("switch", "remove", "sw7")
        self.assertEqual(self.listed(), [])
        self.assertNotIn("sw7", interfaces())

    def test_none_is_an_empty_list(self):
        self.assertEqual(self.listed(), [])
        self.assertEqual(self.cosmos("switch", "list").status, 0)

    def test_takes_an_uplink_and_gives_it_back(self):
        with switches.interface("up0"):
            self.add("sw7", "--uplink", "up0")
            self.assertEqual(switches.linux_ports("sw7"), ["up0"])
            (told,) = self.listed()
            self.assertEqual((told["ports"], told["free_ports"], told["uplinks"]), (1, PORTS - 1, ["up0"]))
            self.assertNotIn("address", told)
            self.cosmos("switch", "remove", "sw7")
            self.assertFalse(pathlib.Path("/sys/class/net/up0/master").exists())

    def test_adopts_a_bridge_and_leaves_it_where_it_was(self):
        with switches.linux_bridge("mine0", "10.72.0.1/24"):
            self.add("mine0")
            (told,) = self.listed()
            self.assertEqual((told["name"], told["address"]), ("mine0", "10.72.0.1/24"))
            self.cosmos("switch", "remove", "mine0")
            self.assertEqual(self.listed(), [])
            self.assertIn("mine0", interfaces())
            self.assertIn(" 10.72.0.1/24 ", switches.done("ip", "-o", "addr", "show", "dev", "mine0"))

    def test_numbers_stay_without_a_gap(self):
        for name in ("swa", "swb", "swc"):
            self.add(name)
        self.assertEqual(self.names(), [(0, "swa"), (1, "swb"), (2, "swc")])
        self.cosmos("switch", "remove", "swa")
        self.assertEqual(self.names(), [(0, "swc"), (1, "swb")])
        self.cosmos("switch", "remove", "swb")
        self.assertEqual(self.names(), [(0, "swc")])
        self.add("swd")
        self.assertEqual(self.names(), [(0, "swc"), (1, "swd")])
        self.assertIn("altname cosmos-switch-1", switches.done("ip", "link", "show", "swd"))

    def test_two_made_at_once_get_two_numbers(self):
        made = command("sh", "-c", "for n in 1 2 3 4; do cosmos switch add swp$n & done; wait")
        for number in range(1, 5):
            self.addCleanup(command, "cosmos", "switch", "remove", f"swp{number}")
        self.assertEqual(made.err, "")
        self.assertEqual([one["number"] for one in self.listed()], [0, 1, 2, 3])
        self.assertEqual({one["name"] for one in self.listed()}, {"swp1", "swp2", "swp3", "swp4"})


class Refused(Switch):
    def test_what_cannot_be_a_switch(self):
        for name in ("a-name-that-is-too-long", "", "a/b", "a b", "..", "a:b", "a\x07b"):
            with self.subTest(name):
                self.refused(2, "switch", "add", name, says="no interface can have this name")
        for address in ("10.0.0.1", "10.0.0.1/33", "10.0.0.1/31", "10.0.0.1/0", "10.0.0.256/8", "fe80::1/64", "x", "/8",
                        "10.0.0.1/8/8", "10.0.0.1/-8"):
            with self.subTest(address):
                self.refused(2, "switch", "add", "sw7", "--address", address, says="--address: expected an address")
        self.refused(1, "switch", "add", "sw7", "--uplink", "nosuch", says="there is no interface 'nosuch'")
        self.refused(1, "switch", "add", "lo", says="no Linux bridge")
        self.refused(2, "switch", "add")
        self.assertEqual(self.listed(), [])

    def test_one_twice(self):
        self.add("sw7")
        self.refused(1, "switch", "add", "sw7", says="it is one already")
        self.assertEqual(self.names(), [(0, "sw7")])

    def test_an_uplink_that_cannot_be_one(self):
        self.refused(1, "switch", "add", "sw7", "--uplink", "lo")
        self.assertNotIn("sw7", interfaces())
        self.assertEqual(self.listed(), [])

    def test_to_remove_what_is_no_switch(self):
        self.refused(1, "switch", "remove", "nosuch", says="no switch is named 'nosuch'")
        with switches.linux_bridge("mine0"):
            self.refused(1, "switch", "remove", "mine0", says="no switch is named 'mine0'")
        self.assertNotIn("mine0", interfaces())

    def test_to_remove_one_in_use(self):
        self.add("sw7")
        self.add("sw8")
        guest = self.create_one("-p", "vif=['bridge=sw7', 'bridge=sw7']")
        self.refused(1, "switch", "remove", "sw7", says="2 vifs of guests are plugged into it")
        self.cosmos("switch", "remove", "sw8")
        self.assertEqual(switches.linux_ports("sw7"), [f"vif{guest}.0", f"vif{guest}.1"])


class Spread(VifTest):
    def test_guests_are_spread_evenly_each_at_an_address_of_its_switch(self):
        self.create("-n", "8", "--wait", *self.patient, config=self.config_path)
        vifs = self.vifs()
        self.assertEqual(collections.Counter(vif["switch"] for vif in vifs), {"sw0": 4, "sw1": 4})
        self.assertEqual({vif["state"] for vif in vifs}, {"connected"})
        for what in ("ip", "mac", "interface"):
            self.assertEqual(len({vif[what] for vif in vifs}), 8, what)
        for vif in vifs:
            own, host = ipaddress.ip_interface(vif["ip"]), ipaddress.ip_interface(self.networks[vif["switch"]])
            self.assertEqual(own.network, host.network)
            self.assertNotIn(own.ip, (host.ip, host.network.network_address, host.network.broadcast_address))
        self.answers(*(vif["ip"] for vif in vifs))

    def test_addresses_stay_distinct_while_guests_come_and_go(self):
        create = ("--wait", *self.patient, "vif=['bridge=sw0,ip=auto']")
        guests = self.create("-n", "6", *create)
        self.cosmos("destroy", guests[1], guests[4])
        self.create("-n", "3", *create)
        addresses = [vif["ip"] for vif in self.vifs()]
        self.assertEqual(len(addresses), 7)
        self.assertEqual(len(set(addresses)), 7, addresses)
        self.answers(*addresses)

    def test_a_network_too_small_for_its_guests(self):
        self.cosmos("switch", "add", "tiny0", "--address", "10.73.0.1/30")
        self.addCleanup(remove_switch, "tiny0")
        self.create_one("-p", "vif=['bridge=tiny0,ip=auto']")  # the only one there is room for
        self.refused(1, "create", "-p", self.config_path, "vif=['bridge=tiny0,ip=auto']",
                     says="of tiny0 is too small for port 2")
        self.assertEqual(len(self.guests()), 1)


class Gateway(VifTest):
    def test_guests_of_different_switches_reach_each_other_through_the_host(self):
        forward = pathlib.Path("/proc/sys/net/ipv4/ip_forward")
        self.addCleanup(forward.write_text, forward.read_text())
        forward.write_text("1")
        # A guest of sw0, as far as the host can tell: our own guests answer pings, and send none.
        with switches.station("sw0", "10.70.0.200/21", "10.70.0.1") as station:
            self.create_one("--wait", *self.patient, "vif=['bridge=sw1,ip=10.71.0.9/21']")
            ping = command("ip", "netns", "exec", station, "ping", "-n", "-c", "3", "-i", "0.2", "10.71.0.9")
            self.assertIn("3 received", ping.out, ping)


class Full(VifTest):
    def fill(self, switch, ports):
        """Plugs in interfaces until so many ports are taken. One request each, in one process: seconds."""
        wait_until(lambda: not switches.linux_ports(switch), f"{switch} is empty")
        batch = self.write("batch", "".join(f"link add {switch}x{port} group {GROUP} master {switch} type dummy\n"
                                            for port in range(ports)))
        switches.done("ip", "-batch", batch)
        self.assertEqual(len(switches.linux_ports(switch)), ports)

    def test_guests_go_to_switches_with_room_and_nowhere_when_there_is_none(self):
        self.addCleanup(command, "ip", "link", "del", "group", GROUP, limit=300)
        self.fill("sw0", PORTS)
        with self.subTest("named"):
            self.refused(1, "create", *self.patient, self.config_path, "vif=['bridge=sw0']",
                         says="sw0 is full: a Linux bridge takes 1023 ports")
            self.assertEqual(self.guests(), {})
        guests = self.create("-n", "6", "--wait", *self.patient, config=self.config_path)
        with self.subTest("one has room"):
            self.assertEqual([vif["switch"] for vif in self.vifs()], ["sw1"] * 6)
            self.answers(*(vif["ip"] for vif in self.vifs()))
        self.cosmos("destroy", *guests)
        self.fill("sw1", PORTS - 2)
        with self.subTest("room for two of three"):
            self.destroy_at_end()
            said = self.cosmos("create", "-q", "-n", "3", *self.patient, self.config_path, status=1)
            self.assertRegex(said.err, r"\Acosmos: [^\n]*sw0, sw1 are full[^\n]*\n\Z")
            self.assertEqual(sorted(map(int, said.out.split())), sorted(self.guests()))
            self.assertEqual(len(self.guests()), 2)
        with self.subTest("none has"):
            self.refused(1, "create", *self.patient, self.config_path, says="sw0, sw1 are full")
            running = next(iter(self.guests()))
            self.refused(1, "attach", running, says="sw0, sw1 are full")
            self.assertEqual([one["free_ports"] for one in json.loads(self.cosmos("switch", "list", "--json").out)], [0, 0])
            self.assertEqual(len(self.vifs()), 2)
