# SPDX-License-Identifier: BSD-3-Clause
"""Runs a command a system call at a time, and kills it before one of them, or does something else there."""

import ctypes
import os
import signal

TRACEME, GETREGS, SYSCALL, SETOPTIONS = 0, 12, 24, 0x4200  # sys/ptrace.h
SYSGOOD, EXITKILL = 1, 0x100000
SYSCALL_STOP = signal.SIGTRAP | 0x80
ORIG_RAX = 15  # in user_regs_struct (sys/user.h), of 27 registers

# What others see of a process, and what it waits for (asm/unistd_64.h): of the rest it keeps all to itself.
SEEN_BY_OTHERS = {0: "read", 1: "write", 7: "poll", 16: "ioctl", 20: "writev", 44: "sendto", 45: "recvfrom", 46: "sendmsg",
                  47: "recvmsg", 74: "fsync", 75: "fdatasync", 82: "rename", 87: "unlink", 232: "epoll_wait", 257: "openat",
                  271: "ppoll", 281: "epoll_pwait", 316: "renameat2"}

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.ptrace.restype = ctypes.c_long
_LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def _ptrace(request, process, data=None):
    if _LIBC.ptrace(request, process, None, data) == -1:
        raise OSError(ctypes.get_errno(), f"ptrace {request}")


def _start(words):
    process = os.fork()
    if process == 0:
        try:
            nothing = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(nothing, descriptor)
            _ptrace(TRACEME, 0)
            os.execvp(words[0], words)
        finally:
            os._exit(127)
    os.waitpid(process, 0)  # it has become the command
    _ptrace(SETOPTIONS, process, SYSGOOD | EXITKILL)
    return process


class Steps:
    """A run of a command: the steps that it did, and how it ended."""

    def __init__(self, words, before=None, act=None):
        """`before`: the name of a step, and how many of that name come earlier. There the command is killed, or
        `act` is called with its process while it stands still."""
        self.done = []
        self.acted = False
        self._seen = {}
        self.status = os.waitstatus_to_exitcode(self._run(_start([str(word) for word in words]), before, act))

    def _run(self, process, before, act):
        registers = (ctypes.c_ulonglong * 27)()
        entering, passed_on = True, 0
        while True:
            _ptrace(SYSCALL, process, passed_on)
            _, status = os.waitpid(process, 0)
            if not os.WIFSTOPPED(status):
                return status
            passed_on = 0
            if os.WSTOPSIG(status) != SYSCALL_STOP:
                passed_on = os.WSTOPSIG(status)
                continue
            if entering:
                _ptrace(GETREGS, process, ctypes.addressof(registers))
                step = self._enters(registers[ORIG_RAX])
                if step and step == before:
                    self.acted = True
                    if act is None:
                        os.kill(process, signal.SIGKILL)  # it dies where it stands: the call is never made
                        return os.waitpid(process, 0)[1]
                    act(process)
            entering = not entering

    def _enters(self, number):
        """The step that begins with this system call; nothing if it is no step."""
        name = SEEN_BY_OTHERS.get(number)
        if name is None:
            return None
        step = (name, self._seen.get(name, 0))
        self._seen[name] = step[1] + 1
        self.done.append(step)
        return step


def some_of(steps, count, always=()):
    """So many of the steps, evenly spread from the first to the last, and all whose name is in `always`."""
    chosen = {steps[index * (len(steps) - 1) // (count - 1)] for index in range(count)}
    return [step for step in steps if step in chosen or step[0] in always]
