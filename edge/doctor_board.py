"""The part of `edge doctor` that looks at the machine: clock, heat, power, memory, who may use its devices.

Nothing found here keeps a session from running: all of it is about how well it will.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from edge.finding import Finding, attempt
from edge.hardware import processor
from edge.hardware.energy import open_meter, why_no_meter
from edge.hardware.identity import board
from edge.hardware.reading import ROOT, listed, text
from edge.hardware.sensors import memory_mb, processor_temperature_c, throttled
from edge.hardware.virtual import emulator, virtual

_EAGER_DRIVERS = ("intel_pstate", "amd-pstate-epp")  # there `powersave` only names the default way to choose a clock
_SLOW_GOVERNORS = ("powersave", "ondemand", "conservative", "userspace")
_FULL_SPEED = "echo performance | sudo tee /sys/devices/system/cpu/cpufreq/policy*/scaling_governor"
_LITTLE_MEMORY_MB = 4300  # without compressed swap: a board of 4 GB and a desktop leave too little for all senses
_ROOM_MB = 250  # for the program itself
_SD_CARD = "/dev/mmcblk"
_POWER = "use the power supply made for this board and a short cable"
_COOLING = "give it a heat sink or a fan"


def examine_board(ram_mb: int, max_temperature_c: float, root: Path = ROOT) -> Iterator[Finding]:
    """Findings about the machine, in a fixed order; never raises for what it finds.

    Args:
        ram_mb: what the models of all senses are expected to take.
        max_temperature_c: above it the camera senses step down.
        root: folder of the machine.
    """
    looks: dict[str, Callable[[], Finding]] = {
        "machine": partial(machine, root),
        "governor": partial(governor, root),
        "temperature": partial(temperature, max_temperature_c, root),
        "throttling": partial(throttling, root),
        "memory": partial(memory, ram_mb, root),
        "swap": partial(swap, root),
        "energy": partial(energy, root),
    }
    for check, look in looks.items():
        yield from attempt(check, look, optional=True)


def machine(root: Path = ROOT) -> Finding:
    """What it is, and whether it is one."""
    name = ", ".join(filter(None, (board(root), processor.cpu_name(root)))) or "unknown"
    said = f"{name}; {processor.cores(root)} cores may be used"
    if sign := emulator(root):
        return Finding(
            "machine", True, f"{said}; emulated ({sign})", advice="nothing measured here tells how fast a board is"
        )
    inside = virtual(root)
    return Finding("machine", True, said + (f"; virtual ({inside})" if inside else ""))


def governor(root: Path = ROOT) -> Finding:
    """Whether the clock waits for work before it rises: the first syllables of a caption are then computed slowly."""
    now = processor.governor(root)
    if now is None:
        return Finding("governor", True, "not told by this system")
    driver = text(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_driver") or "unknown driver"
    top = processor.max_mhz(root)
    said = f"{now} ({driver}), up to {top:.0f} MHz" if top else f"{now} ({driver})"
    slow = set(now.split(",")) & set(_SLOW_GOVERNORS)
    if not slow or (driver in _EAGER_DRIVERS and slow == {"powersave"}):
        return Finding("governor", True, said)
    why = "the clock stays low" if "powersave" in slow else "the clock rises only after a while of work"
    return Finding("governor", True, f"{said}: {why}", f"{_FULL_SPEED} (until the next start)")


def temperature(max_temperature_c: float, root: Path = ROOT) -> Finding:
    """How hot the processor is now."""
    degrees = processor_temperature_c(root)
    if degrees is None:
        return Finding("temperature", True, "not told by this system")
    if degrees <= max_temperature_c:
        return Finding("temperature", True, f"{degrees:.0f} C")
    return Finding("temperature", True, f"{degrees:.0f} C: the camera senses step down above {max_temperature_c:.0f} C",
                   advice=_COOLING)  # fmt: skip


def throttling(root: Path = ROOT) -> Finding:
    """Whether power or heat hold the processor back, now or since the machine was started."""
    names = throttled(root)
    if names is None:
        return Finding("throttling", True, "not told by this system")
    if not names:
        return Finding("throttling", True, "none since the start of the machine")
    power = any(name.startswith(("under-voltage", "over-current")) for name in names)
    heat = any(name.startswith(("throttled", "frequency-capped", "soft-temperature")) for name in names)
    # A board that is short of power is throttled too: that alone is no heat.
    advice = _POWER if power else _COOLING if heat else ""
    return Finding("throttling", True, ", ".join(names), advice=advice)


def memory(ram_mb: int, root: Path = ROOT) -> Finding:
    """Whether the models of all senses have room."""
    total, free = memory_mb(root, "MemTotal"), memory_mb(root, "MemAvailable")
    if total is None or free is None:
        return Finding("memory", True, "not told by this system")
    limit = processor.memory_limit_mb(root)
    free = free if limit is None else min(free, limit)
    needed = ram_mb + _ROOM_MB
    said = f"{free:.0f} of {total:.0f} MB free; all senses take about {needed} MB"
    if free >= needed:
        return Finding("memory", True, said)
    return Finding("memory", True, said, advice="end other programs, or use fewer --senses")


def swap(root: Path = ROOT) -> Finding:
    """Where memory goes when there is too little: into compressed memory, to a disk, or nowhere."""
    rows = (text(root / "proc/swaps") or "").splitlines()[1:]
    places = [row.split()[0] for row in rows if row.split()]
    total = memory_mb(root, "MemTotal")
    if not places:
        little = total is not None and total < _LITTLE_MEMORY_MB
        return Finding("swap", True, "none", "scripts/board_setup --zram" if little else "")
    worn = [place for place in places if place.startswith(_SD_CARD) or (_on_card(place, root))]
    if worn and not any(place.startswith("/dev/zram") for place in places):
        said = f"{', '.join(worn)} on an SD card or eMMC: slow, and wears it out"
        return Finding("swap", True, said, "scripts/board_setup --zram")
    return Finding("swap", True, ", ".join(places))


def _on_card(place: str, root: Path) -> bool:
    """Whether a swap file lies on a card: whatever holds the root of the system does (`/proc/mounts`, proc(5))."""
    if place.startswith("/dev/"):
        return False
    mounts = (line.split() for line in (text(root / "proc/mounts") or "").splitlines())
    return any(mount[1] == "/" and mount[0].startswith(_SD_CARD) for mount in mounts if len(mount) > 1)


def energy(root: Path = ROOT) -> Finding:
    """Whether `edge bench` can tell joules here."""
    meter = open_meter(root)
    if meter is not None:
        meter.close()
        return Finding("energy", True, f"{meter.name}: {meter.covers}")
    message, _, run = why_no_meter(root).partition("; run: ")
    return Finding("energy", True, message, run)


def forbidden(pattern: str, group: str, root: Path = ROOT, may: Callable[[Path], bool] | None = None) -> str:
    """The command that lets this user use devices that are there and closed to them; empty where none is needed.

    Args:
        pattern: of the device files, below the root.
        group: that owns them on Debian and Ubuntu.
        root: folder of the machine.
        may: whether this user may read and write a file.
    """
    may = may or (lambda file: os.access(file, os.R_OK | os.W_OK))
    nodes = listed(root, pattern) if sys.platform.startswith("linux") else []
    if not nodes or any(may(node) for node in nodes):
        return ""
    return f"sudo usermod -aG {group} $USER (then log in again)"
