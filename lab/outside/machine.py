# SPDX-License-Identifier: BSD-3-Clause
"""Starts QEMU with an image as an emulated Xen host, and makes sure that it ends when we do."""

import dataclasses
import functools
import socket
import subprocess
import tempfile

from . import places
from .monitor import Monitor
from .steps import die_with_parent

CABLE = "cable"  # QEMU's name for the network between two hosts
PARCEL_BYTES = 4 << 30  # of the disk on which archives go to and from dom0; sparse


@dataclasses.dataclass(frozen=True)
class Settings:
    """What kind of host is wanted."""

    clock: str = "wall"
    store: str = "c"
    trace: bool = False
    memory_mib: int = 4096
    dom0_memory_mib: int = 1024
    cpus: int = 2
    accelerator: str = "tcg"


def processor(settings):
    """QEMU's options for the processor and the clock."""
    if settings.accelerator == "kvm":
        return ["-accel", "kvm", "-cpu", "host", "-smp", str(settings.cpus)]
    # smap: QEMU 7.2 takes far returns of a PV kernel for supervisor accesses, and dom0 dies at once.
    # rdtscp: PVH guests of Linux need it gone.
    if settings.clock == "wall":
        return ["-accel", "tcg,thread=multi", "-cpu", "max,-smap,-rdtscp", "-smp", str(settings.cpus)]
    # With erms a copy of any length would count as one instruction.
    return ["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off",
            "-cpu", "max,-smap,-rdtscp,-erms,-fsrm", "-smp", "1", "-rtc", "clock=vm"]


def host_processor(settings):
    """What a kept host depends on of this machine's own processor: nothing when it is emulated."""
    if settings.accelerator == "tcg":
        return b""
    with open("/proc/cpuinfo", "rb") as info:
        return b"".join(line for line in info if line.startswith((b"model", b"flags", b"microcode")))


def xen_arguments(settings):
    dom0 = settings.dom0_memory_mib
    # eager-fpu: Xen would else change vector registers when they are first used, and QEMU 7.2 lets some of these
    # uses pass: programs in dom0 then found those of a guest, and crashed.
    return (f"console=com1 com1=115200,8n1 dom0_mem={dom0}M,max:{dom0}M "
            "dom0_max_vcpus=1 bootscrub=0 spec-ctrl=eager-fpu")


def kernel_arguments(settings):
    return f"console=hvc0 quiet cryptomgr.notests lab.store={settings.store}" + (" lab.trace" if settings.trace else "")


def command(qemu, image, settings, agent_descriptor, monitor_descriptor, parcel_descriptor):
    return [
        qemu, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
        "-machine", "pc,memory-backend=ram", *processor(settings), "-m", f"{settings.memory_mib}M",
        "-kernel", str(image.xen), "-append", xen_arguments(settings),
        "-initrd", f"{image.kernel} {kernel_arguments(settings)},{image.initramfs}",
        "-drive", f"file={image.disk},format=raw,if=none,id=disk,readonly=on",
        "-device", "virtio-blk-pci,drive=disk",
        "-drive", f"file=/dev/fd/{parcel_descriptor},format=raw,if=none,id=parcel,cache=unsafe",
        "-device", "virtio-blk-pci,drive=parcel",
        "-device", "virtio-serial-pci", "-chardev", f"socket,id=agent,fd={agent_descriptor}",
        "-device", "virtserialport,chardev=agent,nr=1,name=lab.agent",
        "-chardev", f"socket,id=monitor,fd={monitor_descriptor}", "-mon", "chardev=monitor,mode=control",
        "-serial", "stdio",
    ]


def memory(settings, path=None, keep=False):
    """QEMU's options for the host's memory: its own, or a file, whose changes are kept or private."""
    size = f"id=ram,size={settings.memory_mib}M"
    if path is None:
        return ["-object", f"memory-backend-ram,{size}"]
    return ["-object", f"memory-backend-file,{size},mem-path={path},share={'on' if keep else 'off'}"]


class Machine:
    """A running host; a context manager that ends it."""

    def __init__(self, image, settings, extra, cable=None):
        """The cable is a connected socket: the network behind the name CABLE, for a device that is plugged in later."""
        (qemu,) = places.find_programs("qemu-system-x86_64")
        self.agent, their_agent = socket.socketpair()
        self._monitor, their_monitor = socket.socketpair()
        self._log = tempfile.TemporaryFile()
        self.parcel = tempfile.TemporaryFile()
        self.parcel.truncate(PARCEL_BYTES)
        with their_agent, their_monitor:
            descriptors = [their_agent.fileno(), their_monitor.fileno(), self.parcel.fileno()]
            words = command(qemu, image, settings, *descriptors) + extra
            if cable is not None:
                words += ["-netdev", f"socket,id={CABLE},fd={cable.fileno()}"]
                descriptors.append(cable.fileno())
            self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log,
                                             pass_fds=descriptors, preexec_fn=die_with_parent)

    @functools.cached_property
    def monitor(self):
        """The conversation with QEMU, begun when it is first wanted."""
        return Monitor(self._monitor)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        """Ends QEMU at once; nothing of the host is worth a shutdown."""
        self._process.kill()
        self._process.wait()
        self.agent.close()
        self._monitor.close()
        self.parcel.close()

    def is_gone(self):
        """Whether QEMU has ended, or is ending: it keeps its sockets until then."""
        try:
            return self._process.poll() is not None or not self.agent.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except ConnectionError:
            return True

    def log_tail(self, lines=25):
        """The end of what Xen, dom0's kernel and QEMU have said."""
        self._log.seek(0)
        text = self._log.read().decode(errors="replace").replace("\r", "")
        return "\n".join(text.splitlines()[-lines:])
