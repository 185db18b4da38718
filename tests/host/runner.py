# SPDX-License-Identifier: BSD-3-Clause
"""Finds tests in a folder, runs those that are wanted, and prints each with its result and time."""

import argparse
import fnmatch
import os
import pathlib
import sys
import time
import unittest


def parsed(description, examples):
    parser = argparse.ArgumentParser(description=description, epilog=examples, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-k", dest="patterns", metavar="PATTERN", action="append", default=[],
                        help="only tests whose name holds PATTERN (* and ? stand for anything); may be repeated")
    parser.add_argument("--images", metavar="DIR", default=".", type=pathlib.Path,
                        help="where the kernels built for tests lie: guest.elf and its kin (default: here)")
    parser.add_argument("--list", action="store_true", help="name the tests and run none")
    return parser.parse_args()


def flat(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        else:
            yield test


def wanted(test, patterns):
    """A file that cannot be read is always wanted: what of its tests was, nobody can tell."""
    is_unreadable = type(test).__module__ == unittest.loader.__name__
    return is_unreadable or not patterns or any(fnmatch.fnmatch(test.id(), f"*{pattern}*") for pattern in patterns)


class Report(unittest.TestResult):
    """Prints each test with its result and time, as it ends."""

    def __init__(self):
        super().__init__()
        self.passed = 0
        self.verdict, self.started = "", 0.0

    def startTest(self, test):
        super().startTest(test)
        self.verdict, self.started = "ok", time.monotonic()
        print(f"{test.id()} ... ", end="", flush=True)

    def stopTest(self, test):
        super().stopTest(test)
        print(f"{self.verdict} ({time.monotonic() - self.started:.1f} s)", flush=True)
        self.passed += self.verdict == "ok"

    def addError(self, test, err):
        super().addError(test, err)
        self._failed(test, self.errors[-1][1])

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._failed(test, self.failures[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._failed(test, f"in {subtest.id()}:\n{self._exc_info_to_string(err, subtest)}")

    def _failed(self, test, trace):
        self.verdict = "FAILED"
        print(f"FAILED\n{trace.rstrip()}\n{test.id()} ... ", end="", flush=True)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        if self.verdict == "ok":
            self.verdict = f"skipped: {reason}"


def main(folder, options, obstacle):
    """Runs the folder's tests, unless obstacle() says why that cannot be; returns the exit status."""
    os.environ["COSMOS_TEST_IMAGES"] = str(options.images.resolve())
    found = flat(unittest.defaultTestLoader.discover(str(folder), top_level_dir=str(folder)))
    tests = [test for test in found if wanted(test, options.patterns)]
    if options.list:
        print("\n".join(test.id() for test in tests))
        return 0
    reason = "no test has such a name" if not tests else obstacle()
    if reason:
        print(f"run: {reason}", file=sys.stderr)
        return 2
    report = Report()
    # One by one: a test's name says what it needs, none needs another.
    unittest.TestSuite(tests).run(report)
    failed = report.testsRun - report.passed - len(report.skipped)
    skipped = f", {len(report.skipped)} skipped" if report.skipped else ""
    print(f"{report.passed} passed, {failed} failed{skipped}")
    return 1 if failed else 0
