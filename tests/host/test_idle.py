# SPDX-License-Identifier: BSD-3-Clause
"""A guest with nothing to do uses no CPU time at all."""

import time

from hostlib import HostTest, wait_until

SILENCE_S = 5


class Idle(HostTest):
    def cpu_times(self):
        return {identity: guest["cpu_time_ns"] for identity, guest in self.guests().items()}

    def test_sleeps_without_using_the_cpu(self):
        self.create("-n", "3")
        self.create_one("console='none'")
        wait_until(lambda: all(guest["state"] == "blocked" for guest in self.guests().values()), "all have started")
        time.sleep(1)  # xenconsoled takes in the last output, and wakes the guest once for it
        before = self.cpu_times()
        time.sleep(SILENCE_S)
        self.assertEqual(self.cpu_times(), before)
        self.assertEqual(len(before), 4)

    def test_watching_it_does_not_wake_it(self):
        guest = self.create_one()
        self.wait_for_state(guest, "blocked")
        time.sleep(1)
        before = self.cpu_times()
        for words in (("info", guest), ("list", "--names"), ("reap",)):
            self.cosmos(*words)
        self.assertEqual(self.cpu_times(), before)
