"""What this processor can do for int8: the class that decides which numbers measured elsewhere hold here."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path
from typing import Literal

CpuClass = Literal["avx512-vnni", "avx-vnni", "avx2", "arm-dotprod", "arm", "other"]
"""Best first within a family. A speed is only comparable within one class."""

CPUINFO = Path("/proc/cpuinfo")
_KEYS = ("flags", "Features")
_APPLE = {
    "hw.optional.arm.FEAT_DotProd": "asimddp",
    "hw.optional.AdvSIMD": "asimd",
    "hw.optional.avx2_0": "avx2",
    "hw.optional.avx512vnni": "avx512_vnni",
}


def cpu_class(flags: frozenset[str] | None = None) -> CpuClass:
    """The class of this processor, or of one with these feature flags.

    Args:
        flags: names as in `/proc/cpuinfo` of Linux; None: those of this machine.
    """
    found = cpu_flags() if flags is None else flags
    if "avx512_vnni" in found:
        return "avx512-vnni"
    if "avx_vnni" in found:
        return "avx-vnni"
    if "avx2" in found:
        return "avx2"
    if "asimddp" in found:
        return "arm-dotprod"
    return "arm" if {"asimd", "neon"} & found else "other"


def int8_saturates(cpuinfo: Path = CPUINFO) -> bool:
    """Whether this is an x86 CPU without VNNI: its products of int8 saturate in 16 bits unless told not to.

    The exact way costs a third more time, so it is asked for only there. Emulated Haswell, 120 FLORES lines each way:
    73 % of the translations are those of a CPU with VNNI, 96 % with the exact way.
    """
    flags = cpu_flags(cpuinfo)
    return "sse2" in flags and not {"avx512_vnni", "avx_vnni"} & flags


def cpu_flags(cpuinfo: Path = CPUINFO) -> frozenset[str]:
    """Feature flags of the first processor, named as Linux does; empty where the system does not tell."""
    if platform.system() == "Darwin" and not cpuinfo.exists():
        return frozenset(flag for name, flag in _APPLE.items() if _sysctl(name) == "1")
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line for line in lines if line.startswith(_KEYS)), "").partition(":")[2].split())


def _sysctl(name: str) -> str:
    try:
        answer = subprocess.run(["/usr/sbin/sysctl", "-n", name], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return answer.stdout.strip()
