"""Whether this machine is one: hypervisors, containers, and processors that are only emulated.

An emulated processor computes the right numbers a hundred times too slowly, so what is measured on one is marked. Where
a sign is ambiguous (QEMU's ARM board looks alike with and without an emulated processor) it counts as emulated.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import re
from pathlib import Path

from edge.hardware.reading import ROOT, answer, present, text

_HYPERVISORS = {  # in what the firmware says of the maker or the product
    "qemu": "qemu",
    "vmware": "vmware",
    "virtualbox": "virtualbox",
    "innotek": "virtualbox",
    "virtual machine": "hyper-v",
    "xen": "xen",
    "amazon ec2": "amazon",
    "google compute": "google",
    "apple virtualization": "apple",
    "parallels": "parallels",
}
_CONTAINERS = ("docker", "kubepods", "containerd", "libpod", "lxc")
_X86 = ("x86_64", "amd64", "i386", "i686")
_RSEQ = {"aarch64": 293, "x86_64": 334, "armv7l": 398}  # system call numbers, arch/*/include/uapi/asm/unistd*.h
_RSEQ_SINCE = 5  # Linux 4.18 brought it, distributions have it on since


def virtual(root: Path = ROOT) -> str | None:
    """Hypervisor and container, joined by a comma; None where nothing can be seen of either."""
    return ", ".join(filter(None, (_hypervisor(root), _container(root)))) or None


def emulator(root: Path = ROOT, machine: str | None = None) -> str | None:
    """The sign by which this processor is emulated in software; None: there is no sign.

    Args:
        root: folder of the machine.
        machine: architecture that programs see; None: this one.
    """
    machine = machine or platform.machine()
    return _user_mode(root, machine) or _whole_machine(root, machine) or _translated(root)


def _user_mode(root: Path, machine: str) -> str | None:
    """Qemu-user translates programs: the kernel below, and much of its /proc, is that of the host."""
    said = text(root / "proc/cpuinfo") or ""
    if machine.lower() not in _X86 and re.search(r"^(vendor_id|model name)\s*:.*(Intel|AMD)", said, re.MULTILINE):
        return f"/proc/cpuinfo is of an x86 and the program is for {machine}"
    try:
        # Qemu answers for /proc/self/exe, but not for this other name of the same link.
        runs = (root / "proc/thread-self/exe").readlink().name
    except OSError:
        runs = ""
    if runs.startswith("qemu-"):
        return f"the program is run by {runs}"
    if root == ROOT and _lacks_rseq(machine):
        return "the kernel lacks rseq, as under qemu-user"
    return None


def _lacks_rseq(machine: str) -> bool:
    """Qemu-user (7.2 to 10) knows no rseq; a kernel that has it says EINVAL to an area of no size."""
    call = _RSEQ.get(machine)
    release = platform.release().partition(".")[0]
    if call is None or platform.system() != "Linux" or not release.isdigit() or int(release) < _RSEQ_SINCE:
        return False
    try:
        ctypes.set_errno(0)
        ctypes.CDLL(None, use_errno=True).syscall(call, None, 0, 0, 0)
    except (OSError, AttributeError):
        return False
    return ctypes.get_errno() == errno.ENOSYS


def _whole_machine(root: Path, machine: str) -> str | None:
    said = text(root / "proc/cpuinfo") or ""
    if "QEMU TCG CPU" in said:
        return "the processor is called QEMU TCG CPU"
    if machine.lower() in _X86:
        virtual_cpu = "QEMU Virtual CPU" in said or "qemu" in _firmware(root)
        return "a virtual machine of QEMU without KVM" if virtual_cpu and not _has_kvm_clock(root) else None
    if (text(root / "proc/device-tree/model") or "") == "linux,dummy-virt" or "qemu virtual machine" in _firmware(root):
        return "QEMU's virtual ARM board, which does not tell whether its processor is emulated"
    return None


def _translated(root: Path) -> str | None:
    """Rosetta: a program for x86 on an Apple processor."""
    return "translated by Rosetta" if answer(root, "usr/sbin/sysctl", "-n", "sysctl.proc_translated") == "1" else None


def _hypervisor(root: Path) -> str | None:
    if "microsoft" in (text(root / "proc/sys/kernel/osrelease") or "").lower():
        return "wsl"
    if _has_kvm_clock(root):
        return "kvm"
    if kind := text(root / "sys/hypervisor/type"):
        return kind
    firmware = _firmware(root)
    named = next((name for sign, name in _HYPERVISORS.items() if sign in firmware), None)
    if named is not None:
        return named
    if (text(root / "proc/device-tree/model") or "") == "linux,dummy-virt":
        return "qemu"
    flags = re.search(r"^flags\s*:.*\bhypervisor\b", text(root / "proc/cpuinfo") or "", re.MULTILINE)
    return "hypervisor" if flags else None


def _has_kvm_clock(root: Path) -> bool:
    clocks = text(root / "sys/devices/system/clocksource/clocksource0/available_clocksource") or ""
    return "kvm-clock" in clocks.split()


def _firmware(root: Path) -> str:
    folder = root / "sys/class/dmi/id"
    return " ".join(text(folder / name) or "" for name in ("sys_vendor", "product_name")).lower()


def _container(root: Path) -> str | None:
    if present(root / ".dockerenv"):
        return "docker"
    if present(root / "run/.containerenv"):
        return "podman"
    if kind := text(root / "run/systemd/container"):
        return kind
    groups = text(root / "proc/self/cgroup") or ""
    return next((name for name in _CONTAINERS if name in groups), None)
