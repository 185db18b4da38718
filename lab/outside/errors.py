# SPDX-License-Identifier: BSD-3-Clause
"""The lab's exit statuses, and the exception that carries one to the command line."""

WRONG_USAGE = 2
TIMED_OUT = 124
LAB_FAILED = 125
INTERRUPTED = 130
TERMINATED = 143


class LabError(Exception):
    """One clear line that says what to do next, and the exit status that goes with it."""

    def __init__(self, message, status=LAB_FAILED):
        super().__init__(message)
        self.status = status
