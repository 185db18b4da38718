# SPDX-License-Identifier: BSD-3-Clause
"""Guests with vifs: what is asked of the store daemon, what is told of vifs, attach and detach."""

import json
import pathlib
import time

import storetrace
from hostlib import command, guest_config, wait_until
from networks import VifTest

MOST_WRITES = 17
MOST_REQUESTS = 25
MOST_REQUESTS_OF_ALL = 95  # ours, dom0's kernel's and xenconsoled's


class Asked(VifTest):
    def record_of(self, guest):
        """{type: [paths]} of what makes a domain a guest with a console and one vif, in this order."""
        home, front = f"/local/domain/{guest}", f"/local/domain/{guest}/device/vif/0"
        back = f"/local/domain/0/backend/vif/{guest}/0"
        return {
            "write": [f"{home}/name", f"{home}/control/shutdown", f"{home}/console/port", f"{home}/console/ring-ref",
                      *(f"{front}/{node}" for node in ("backend", "backend-id", "mac", "state")),
                      *(f"{back}/{node}" for node in ("frontend", "frontend-id", "online", "handle", "mac", "script",
                                                      "hotplug-status", "state"))],
            "mkdir": [f"{home}/data"],
            "setperms": [home, f"{home}/control/shutdown", f"{home}/data", front, back],
            "introduce": [str(guest)]}

    def create_counted(self, *words):
        """Creates a paused guest; returns its id and where the trace stood before, a quiet host."""
        self.create_one("-p", "vif=['bridge=sw0']")  # the first of all makes what is kept for the others
        start = storetrace.position_when_quiet()
        return self.create_one("-p", *words), start

    def test_create_asks_for_the_record_and_no_more(self):
        guest, start = self.create_counted("vif=['bridge=sw0']")
        requests = storetrace.requests_since(start)
        self.assertEqual(len({request.connection for request in requests}), 1)
        kinds = {}
        for request in requests:
            kinds.setdefault(request.type, []).append(request.path)
        self.assertEqual(kinds, self.record_of(guest))  # so without a transaction
        self.assertLessEqual(len(kinds["write"]), MOST_WRITES)

    def test_an_address_by_the_switch_costs_one_write(self):
        guest, start = self.create_counted("vif=['bridge=sw0,ip=auto']")
        requests = storetrace.requests_since(start)
        writes = [request.path for request in requests if request.type == "write"]
        self.assertEqual(writes, [*self.record_of(guest)["write"], f"/local/domain/0/backend/vif/{guest}/0/ip"])
        self.assertLessEqual(len(writes), MOST_WRITES)
        self.assertLessEqual(len(requests), MOST_REQUESTS)

    def test_all_told_a_create_causes_few_requests(self):
        for vif in ("bridge=sw0", "bridge=auto,ip=auto"):
            with self.subTest(vif):
                _, start = self.create_counted(f"vif=['{vif}']")
                storetrace.position_when_quiet()
                requests = storetrace.all_requests_since(start)
                ours = [request for request, is_ours in requests if is_ours]
                print(f"({len(ours)} of {len(requests)}) ", end="", flush=True)
                self.assertLessEqual(len(ours), MOST_REQUESTS)
                self.assertLessEqual(len(requests), MOST_REQUESTS_OF_ALL, requests)
                # The kernel and xenconsoled were heard.
                self.assertGreaterEqual(len({request.connection for request, _ in requests}), 3)

    def test_destroy_asks_for_no_more_than_without_a_vif_but_one_removal(self):
        guest, _ = self.create_counted("vif=['bridge=sw0']")
        self.wait_for_terminals([guest])
        start = storetrace.position_when_quiet()
        self.cosmos("destroy", guest)
        self.assertEqual([(request.type, request.path) for request in storetrace.requests_since(start)],
                         [("directory", f"/local/domain/{guest}/console"), ("rm", f"/local/domain/0/backend/vif/{guest}"),
                          ("rm", f"/local/domain/{guest}")])


class Told(VifTest):
    def test_list_and_info_tell_all_of_a_vif(self):
        guest = self.create_one("--wait", *self.patient,
                                "vif=['mac=00:16:3e:0a:0b:0c,ip=10.70.0.77/21,bridge=sw0', 'bridge=sw1']")
        self.answers("10.70.0.77")
        first, second = self.vifs()
        counters = {key: first.pop(key) for key in list(first) if key.endswith(("_packets", "_bytes"))}
        self.assertEqual(first, {"id": guest, "vif": 0, "mac": "00:16:3e:0a:0b:0c", "ip": "10.70.0.77/21",
                                 "switch": "sw0", "interface": f"vif{guest}.0", "state": "connected", "script": ""})
        self.assertEqual(set(counters), {"received_packets", "received_bytes", "sent_packets", "sent_bytes",
                                         "dropped_packets"})
        self.assertGreaterEqual(counters["received_packets"], 5)
        self.assertGreaterEqual(counters["sent_packets"], 5)
        self.assertGreaterEqual(counters["received_bytes"], 5 * 42)  # Ethernet, IP and ICMP headers
        self.assertEqual((second["vif"], second["ip"], second["switch"]), (1, "", "sw1"))
        self.assertRegex(second["mac"], r"\A00:16:3e:[89a-f][0-9a-f](:[0-9a-f]{2}){2}\Z")

        told = json.loads(self.cosmos("info", "--json", guest).out)["vifs"]
        self.assertEqual([(vif["vif"], vif["mac"], vif["ip"], vif["switch"], vif["state"]) for vif in told],
                         [(0, first["mac"], first["ip"], "sw0", "connected"), (1, second["mac"], "", "sw1", "connected")])
        self.assertRegex(self.cosmos("info", guest).out,
                         rf"(?m)^vif 0 +00:16:3e:0a:0b:0c, ip 10\.70\.0\.77/21, on sw0 as vif{guest}\.0, connected; "
                         r"received \d+ packets \(\d+ bytes\), sent \d+ \(\d+ bytes\), dropped \d+$")
        head, *rows = self.cosmos("list", "--vifs").out.splitlines()
        self.assertEqual(head.split(), ["ID", "VIF", "STATE", "MAC", "IP", "SWITCH", "INTERFACE", "RECEIVED", "SENT",
                                        "DROPPED"])
        self.assertEqual([row.split()[:7] for row in rows],
                         [[str(guest), "0", "connected", first["mac"], first["ip"], "sw0", f"vif{guest}.0"],
                          [str(guest), "1", "connected", second["mac"], "-", "sw1", f"vif{guest}.1"]])

    def test_a_paused_guest_waits_on_its_switch(self):
        guest = self.create_one("-p", config=self.config_path)
        wait_until(lambda: self.vifs()[0]["state"] == "waiting", "the backend offers itself")
        (vif,) = self.vifs()
        self.assertIn(vif["switch"], self.networks)
        self.cosmos("unpause", guest)
        wait_until(lambda: self.vifs()[0]["state"] == "connected", "the frontend connects")
        self.answers(vif["ip"])

    def test_guests_without_vifs_are_not_listed(self):
        self.create_one("-p")
        self.assertEqual(self.vifs(), [])
        self.refused(2, "list", "--vifs", "--names", says="do not go together")


class Attach(VifTest):
    def test_a_vif_of_a_running_guest_goes_and_its_guest_stays(self):
        guest = self.create_one("--wait", *self.patient, config=self.config_path)
        self.answers(self.vifs()[0]["ip"])
        self.cosmos("detach", guest, "0", *self.patient)
        self.assertEqual(self.vifs(), [])
        self.refused(1, "detach", guest, "0", says="it has none of this number")
        self.assertEqual(self.state(guest), "blocked")

    def test_a_vif_more_is_on_its_switch_when_attach_returns(self):
        guest = self.create_one("-p", config=self.config_path)
        said = self.cosmos("attach", guest, "bridge=sw1,ip=auto", *self.patient).out
        self.assertEqual(said, f"Attached vif 1 to domain {guest}\n")
        (_, second) = self.vifs()
        self.assertEqual((second["vif"], second["switch"]), (1, "sw1"))
        self.assertTrue(second["ip"].startswith("10.71."), second)
        self.cosmos("unpause", guest)  # it was there before the guest looked
        wait_until(lambda: self.vifs()[1]["state"] == "connected", "the frontend connects")
        self.answers(*(vif["ip"] for vif in self.vifs()))
        self.cosmos("detach", guest, "1", *self.patient)
        self.assertEqual([vif["vif"] for vif in self.vifs()], [0])
        self.answers(self.vifs()[0]["ip"])

    def test_gives_the_first_free_number_and_says_it_in_json(self):
        guest = self.create_one("-p")
        self.assertEqual(json.loads(self.cosmos("attach", "--json", guest, "bridge=sw0", "bridge=sw1", *self.patient).out),
                         [0, 1])
        self.cosmos("detach", guest, "0")
        self.assertEqual(json.loads(self.cosmos("attach", "--json", guest, *self.patient).out), [0])
        self.assertEqual(sorted(vif["vif"] for vif in self.vifs()), [0, 1])

    def test_runs_the_script_that_is_given(self):
        guest = self.create_one("-p")
        log = self.folder / "log"
        script = self.write("script", f"#!/bin/sh\nset -e\necho $1 $vif $bridge >> {log}\n[ $1 = offline ] || "
                            "ip link set $vif master $bridge up\n[ $1 = offline ] || xenstore-write "
                            "/local/domain/0/$XENBUS_PATH/hotplug-status connected\n")
        script.chmod(0o755)
        self.cosmos("attach", guest, f"bridge=sw1,script={script}", *self.patient)
        (vif,) = self.vifs()
        self.assertEqual((vif["script"], vif["switch"], vif["interface"]), (str(script), "sw1", f"vif{guest}.0"))
        self.cosmos("detach", guest, "0")
        self.assertEqual(log.read_text(), f"online vif{guest}.0 sw1\noffline vif{guest}.0 sw1\n")

    def test_stays_where_it_was_plugged_in(self):
        """The kernel does not take the interface back afterwards to offer another."""
        guest = self.create_one("-p")
        self.cosmos("attach", guest, "bridge=sw1", *self.patient)
        index = pathlib.Path(f"/sys/class/net/vif{guest}.0/ifindex")
        before = index.read_text()
        time.sleep(2)
        self.assertEqual(index.read_text(), before)
        (vif,) = self.vifs()
        self.assertEqual((vif["switch"], vif["state"]), ("sw1", "waiting"))

    def test_what_cannot_be_leaves_the_guest_as_it_was(self):
        guest = self.create_one()
        self.wait_for_state(guest, "blocked")
        nodes = command("xenstore-ls", "-f", f"/local/domain/{guest}").out
        for status, words, says in ((1, (guest, "bridge=nosuch"), "no bridge 'nosuch'"),
                                    (1, (guest, "script=nosuch"), "no hotplug script 'nosuch'"),
                                    (2, (guest, "bridge=sw0,brigde=sw1"), "brigde"),
                                    (2, (guest, "mac=00:16:3e"), "expected a MAC address"),
                                    (3, (32000, "bridge=sw0"), "no such guest")):
            with self.subTest(words):
                self.refused(status, "attach", *words, says=says)
        # Our guest looks for its vifs when it starts, and never again.
        self.refused(1, "attach", "--wait", "--timeout", "2", guest, "bridge=sw0",
                     says=f"cannot wait for the frontend of vif{guest}.0: the guest did not connect it within 2 s")
        self.refused(2, "detach", guest, "x", says="'x' is no vif")
        self.refused(3, "detach", 32000, "0", says="no such guest")
        self.assertEqual(self.vifs(), [])
        self.assertEqual(self.state(guest), "blocked")
        left = command("xenstore-ls", "-f", f"/local/domain/{guest}").out
        self.assertEqual([line for line in left.splitlines() if not line.endswith(('/device = ""', '/device/vif = ""'))],
                         nodes.splitlines())

    def test_a_frontend_that_does_not_let_go_keeps_its_vif_unless_forced(self):
        guest = self.create_one("--wait", *self.patient, config=self.config_path)
        self.cosmos("pause", guest)
        self.refused(1, "detach", guest, "0", "--timeout", "2", says="did not let go within 2 s")
        self.cosmos("unpause", guest)
        self.assertEqual([vif["vif"] for vif in self.vifs()], [0])
        self.cosmos("pause", guest)
        self.cosmos("detach", guest, "0", "--force")
        self.assertEqual(self.vifs(), [])


class Destroyed(VifTest):
    def test_right_after_its_creation_it_leaves_nothing(self):
        """netback may be connecting the vif then, and notes what it does not find."""
        for _ in range(10):
            self.cosmos("destroy", self.create_one(*self.patient, config=self.config_path))
        # HostTest looks for what is left.


class InOneSend(VifTest):
    """Seen from the process, not the daemon."""

    def test_create_with_a_vif(self):
        self.destroy_at_end()
        log = self.folder / "strace"
        made = command("strace", "-f", "-o", log, "-e", "trace=connect,sendto,sendmsg,write,writev", "cosmos", "create", "-q",
                       "-p", *self.patient, guest_config(), "vif=['bridge=sw0']")
        self.assertEqual(made.status, 0, made)
        calls = log.read_text()
        (socket,) = {line.split("connect(")[1].split(",")[0] for line in calls.splitlines()
                     if "connect(" in line and "xenstored/socket" in line}
        sends = [line for line in calls.splitlines() if f" sendto({socket}," in line or f" sendmsg({socket}," in line
                 or f" write({socket}," in line or f" writev({socket}," in line]
        self.assertEqual(len(sends), 2, "the whole record in one go, and the introduce once the vif is on its switch")
        self.assertIn(r'"\10\0\0\0', sends[1])  # XS_INTRODUCE, by its number on the wire
