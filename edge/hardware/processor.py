"""The processor: its name, how much of it this process may use, and how fast it may run."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

from edge.hardware.reading import answer, listed, number, text, whole

_CPUS = "sys/devices/system/cpu/cpu[0-9]*"
_KHZ = 1000
_LONGEST_PATH = 1024
_NO_LIMIT = 1 << 60  # bytes; a control group of version 1 says some such number for "as much as there is"

# Main ID Register: implementer and part (Arm "Main ID Register" of each core's manual; lists in the kernel's
# arch/arm64/include/asm/cputype.h).
_ARM_PARTS = {
    (0x41, 0xD03): "Cortex-A53", (0x41, 0xD04): "Cortex-A35", (0x41, 0xD05): "Cortex-A55",
    (0x41, 0xD07): "Cortex-A57", (0x41, 0xD08): "Cortex-A72", (0x41, 0xD09): "Cortex-A73",
    (0x41, 0xD0A): "Cortex-A75", (0x41, 0xD0B): "Cortex-A76", (0x41, 0xD0C): "Neoverse-N1",
    (0x41, 0xD0D): "Cortex-A77", (0x41, 0xD40): "Neoverse-V1", (0x41, 0xD41): "Cortex-A78",
    (0x41, 0xD42): "Cortex-A78AE", (0x41, 0xD44): "Cortex-X1", (0x41, 0xD46): "Cortex-A510",
    (0x41, 0xD47): "Cortex-A710", (0x41, 0xD48): "Cortex-X2", (0x41, 0xD49): "Neoverse-N2",
    (0x41, 0xD4D): "Cortex-A715", (0x41, 0xD4E): "Cortex-X3", (0x41, 0xD4F): "Neoverse-V2",
    (0x41, 0xD80): "Cortex-A520", (0x41, 0xD81): "Cortex-A720", (0x41, 0xD82): "Cortex-X4",
    (0x41, 0xC07): "Cortex-A7", (0x41, 0xC0F): "Cortex-A15",
    (0x4E, 0x000): "Nvidia Denver", (0x4E, 0x003): "Nvidia Denver 2", (0x4E, 0x004): "Nvidia Carmel",
}  # fmt: skip


def cpu_name(root: Path) -> str | None:
    """Model name of an x86, names of the cores of an ARM (`Cortex-A55 + Cortex-A76`)."""
    said = text(root / "proc/cpuinfo")
    if said is None:
        return answer(root, "usr/sbin/sysctl", "-n", "machdep.cpu.brand_string") or _told_by_python(root)
    if model := _first(r"^model name\s*:[ \t]*(\S.*)$", said):
        return " ".join(model.split())
    implementers = _all(r"^CPU implementer\s*:\s*(0x[0-9a-f]+)\s*$", said)
    parts = _all(r"^CPU part\s*:\s*(0x[0-9a-f]+)\s*$", said)
    cores = {(int(implementer, 16), int(part, 16)) for implementer, part in zip(implementers, parts, strict=False)}
    names = [_ARM_PARTS.get(core, f"ARM core {core[0]:#x}/{core[1]:#x}") for core in sorted(cores)]
    return " + ".join(names) or None


def _told_by_python(root: Path) -> str | None:
    return platform.processor() or None if root == Path("/") else None


def cores(root: Path) -> int:
    """Logical processors that this process may use: by affinity, and by the quota of its control group (rounded up)."""
    may = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota(root)
    return may if quota is None else max(1, min(may, -int(-quota // 1)))


def cores_physical(root: Path) -> int | None:
    """Physical cores of the machine, threads of one core counted once."""
    found = {
        (text(cpu / "topology/physical_package_id"), core)
        for cpu in listed(root, _CPUS)
        if (core := text(cpu / "topology/core_id")) is not None
    }
    return len(found) or whole(answer(root, "usr/sbin/sysctl", "-n", "hw.physicalcpu"))


def max_mhz(root: Path) -> float | None:
    """The highest clock that the system allows to any processor (kernel, `admin-guide/pm/cpufreq`: kHz)."""
    allowed = [number(cpu / "cpufreq/scaling_max_freq") for cpu in listed(root, _CPUS)]
    return max((khz / _KHZ for khz in allowed if khz and khz > 0), default=None)


def mhz_now(root: Path) -> float | None:
    """Mean clock of the processors now; None where nothing measures it (virtual machines tell a nominal one)."""
    now = [number(cpu / "cpufreq/scaling_cur_freq") for cpu in listed(root, _CPUS)]
    known = [khz / _KHZ for khz in now if khz and khz > 0]
    return round(sum(known) / len(known), 1) if known else None


def governor(root: Path) -> str | None:
    """Frequency governor; several are joined by commas."""
    found = {text(cpu / "cpufreq/scaling_governor") for cpu in listed(root, _CPUS)} - {None}
    return ",".join(sorted(name for name in found if name)) or None


def memory_limit_mb(root: Path) -> float | None:
    """Most memory that the control group of this process may take; None: as much as there is."""
    files = ("memory.max", "memory.limit_in_bytes")
    limits = [number(folder / file) for folder in _groups(root, "memory") for file in files]
    return min((limit / 1e6 for limit in limits if limit and 0 < limit < _NO_LIMIT), default=None)


def _quota(root: Path) -> float | None:
    """Processors that the control group may use (kernel, `admin-guide/cgroup-v2`: cpu.max; `cgroup-v1`: cpu.cfs_*)."""
    quotas = []
    for folder in _groups(root, "cpu"):
        told = (text(folder / "cpu.max") or "").split()
        old = (text(folder / "cpu.cfs_quota_us"), text(folder / "cpu.cfs_period_us"))
        for pair in (told if len(told) == 2 else ("", ""), old):  # noqa: PLR2004 - quota and period
            quota, period = (whole(said) or 0 for said in pair)
            if quota > 0 and period > 0:
                quotas.append(quota / period)
    return min(quotas, default=None)


def _groups(root: Path, controller: str) -> list[Path]:
    """Folders of the control groups that this process is in, the outer ones too: each may set a limit."""
    folders: set[Path] = set()
    for line in (text(root / "proc/self/cgroup") or "").splitlines():
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if (controllers and controller not in controllers.split(",")) or len(path) > _LONGEST_PATH:
            continue
        mount = root / "sys/fs/cgroup"
        for base in (mount / controllers, mount / controller, mount / "unified") if controllers else (mount,):
            inner = base / path.strip("/")
            folders |= {base, inner, *inner.parents[: len(inner.parts) - len(base.parts)]}
    return sorted(folders)


def _first(pattern: str, said: str) -> str | None:
    match = re.search(pattern, said, re.MULTILINE | re.IGNORECASE)
    return match[1] if match else None


def _all(pattern: str, said: str) -> list[str]:
    return re.findall(pattern, said, re.MULTILINE | re.IGNORECASE)
