"""How much memory the machine has to spare, to compare with what a model is expected to take."""

from __future__ import annotations

import re
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")


def available_mb() -> int | None:
    """Memory that programs can get without swapping, in MB (format: proc_meminfo(5)); None where Linux is not."""
    try:
        match = re.search(r"^MemAvailable:\s+(\d+) kB$", _MEMINFO.read_text(encoding="ascii"), re.MULTILINE)
    except OSError:
        return None
    return int(match[1]) * 1024 // 1_000_000 if match else None


def memory_line(expected_mb: int) -> str:
    """What running models are expected to take, and whether the machine has it now."""
    free = available_mb()
    line = f"memory when running: about {expected_mb} MB"
    if free is None:
        return line
    if expected_mb > free:
        return f"{line}, but only {free} MB are free now: expect it to be slow or to be stopped by the system"
    return f"{line} of {free} MB free"
