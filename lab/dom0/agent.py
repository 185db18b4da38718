#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs commands in dom0 for the outside: the other end of lab/outside/session.py."""

import fcntl
import json
import os
import select
import shutil
import signal
import struct
import sys
import termios
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames  # noqa: E402

WORK = "/tmp/work"
PARCEL = "/dev/vdb"
RNDRESEEDCRNG = 0x5207


def spawn(argv, stdin, stdout, stderr, terminal=False, directory=WORK):
    """Starts argv with the three descriptors as its own session; returns its process id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        for target, source in enumerate((stdin, stdout, stderr)):
            os.dup2(source, target)
        if terminal:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        os.chdir(directory)
        os.execvp(argv[0], argv)
    except OSError as error:
        os.write(2, f"{argv[0]}: {error.strerror}\n".encode())
    os._exit(127 if not shutil.which(argv[0]) else 126)


def status_of(wait_status):
    """The shell's exit status: 128 and the signal's number for a command that was killed."""
    code = os.waitstatus_to_exitcode(wait_status)
    return code if code >= 0 else 128 - code


def tar(*arguments, directory):
    """Runs tar on the parcel disk. Its last close writes all out, and its next opening reads anew."""
    pid = spawn(["tar", "--blocking-factor=1024", "--file=" + PARCEL, *arguments], 0, 2, 2, directory=directory)
    return status_of(os.waitpid(pid, 0)[1])


def unpack(port, request):
    """Unpacks the archive that the outside has laid on the parcel disk."""
    os.makedirs(request["directory"], exist_ok=True)
    status = tar("--extract", "--preserve-permissions", "--no-same-owner", "--keep-directory-symlink",
                 directory=request["directory"])
    frames.send(port, frames.DONE, json.dumps({"status": status}).encode())


def fetch(port, request):
    """Packs the paths asked for onto the parcel disk, each under its base name, and names the missing."""
    members, missing = [], []
    for path in request["paths"]:
        absolute = os.path.normpath(os.path.join(WORK, path))
        if os.path.lexists(absolute):
            members += ["-C", os.path.dirname(absolute), os.path.basename(absolute) or "."]
        else:
            missing.append(path)
    status = tar("--create", "--dereference", *members, directory=WORK) if members else 0
    frames.send(port, frames.DONE, json.dumps({"status": status, "packed": bool(members), "missing": missing}).encode())


def forward(port, pid, outputs, terminal=None):
    """Passes output to the outside and input to the terminal until pid ends; returns its status.

    Daemons that the command left behind may hold the pipes for ever, so its own end counts, and
    what is in the pipes then.
    """
    wake, alarm = os.pipe()
    os.set_blocking(alarm, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(alarm, warn_on_full_buffer=False)
    poll = select.poll()
    for descriptor in (*outputs, wake, port):
        poll.register(descriptor, select.POLLIN)
    for descriptor in outputs:
        os.set_blocking(descriptor, False)
    status, typed = None, bytearray()
    try:
        while True:
            if status is None:
                ended, code = os.waitpid(pid, os.WNOHANG)
                status = status_of(code) if ended else None
            if typed and terminal is not None:
                poll.modify(terminal, select.POLLIN | select.POLLOUT)
            busy = False
            for descriptor, event in poll.poll(None if status is None else 0):
                if descriptor == wake:
                    os.read(wake, 64)
                elif descriptor == port:
                    typed += obey(port, pid, terminal)
                elif event & select.POLLOUT:
                    del typed[:os.write(terminal, typed)]
                    poll.modify(terminal, select.POLLIN)
                elif data := read_some(descriptor):
                    frames.send(port, outputs[descriptor], data)
                    busy = True
                else:
                    poll.unregister(descriptor)
                    terminal = None
            if status is not None and not busy:
                return status
    finally:
        signal.set_wakeup_fd(-1)
        os.close(wake)
        os.close(alarm)


def read_some(descriptor):
    """What is there to read; nothing at the end of a pipe, or when the last process has left a terminal."""
    try:
        return os.read(descriptor, frames.CHUNK_BYTES)
    except OSError:
        return b""


def obey(port, pid, terminal):
    """Handles one frame that comes while a command runs; returns what was typed."""
    kind, payload = frames.receive(port)
    if kind == frames.SIGNAL:
        try:
            os.killpg(pid, json.loads(payload)["signal"])
        except ProcessLookupError:
            pass
    elif kind == frames.INPUT and terminal is not None:
        return payload
    elif kind == frames.WINDOW and terminal is not None:
        resize(terminal, json.loads(payload))
    return b""


def resize(terminal, size):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", size["rows"], size["columns"], 0, 0))


def run(port, request):
    os.makedirs(WORK, exist_ok=True)
    os.environ.update(request["environment"])
    if request["terminal"]:
        terminal, theirs = os.openpty()
        resize(terminal, request["window"])
        pid = spawn(request["command"], theirs, theirs, theirs, terminal=True)
        os.close(theirs)
        status = forward(port, pid, {terminal: frames.OUT}, terminal)
        os.close(terminal)
    else:
        (out, out_sink), (err, err_sink) = os.pipe(), os.pipe()
        null = os.open("/dev/null", os.O_RDONLY)
        pid = spawn(request["command"], null, out_sink, err_sink)
        for descriptor in (null, out_sink, err_sink):
            os.close(descriptor)
        status = forward(port, pid, {out: frames.OUT, err: frames.ERR})
    frames.send(port, frames.EXIT, json.dumps({"status": status}).encode())


def set_clock(request):
    """After a warm start the clock and the random numbers are those of the snapshot."""
    time.clock_settime(time.CLOCK_REALTIME, request["time"])
    with open("/dev/urandom", "wb", buffering=0) as pool:
        pool.write(bytes.fromhex(request["entropy"]))
        fcntl.ioctl(pool, RNDRESEEDCRNG)


def main():
    port = os.open(sys.argv[1], os.O_RDWR | os.O_CLOEXEC)
    frames.send(port, frames.READY)
    while True:
        kind, payload = frames.receive(port)
        request = json.loads(payload)
        if kind == frames.UNPACK:
            unpack(port, request)
        elif kind == frames.FETCH:
            fetch(port, request)
        elif kind == frames.RUN:
            if "time" in request:
                set_clock(request)
            run(port, request)


if __name__ == "__main__":
    main()
