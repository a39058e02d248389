"""How the machine feels now: heat, clock, throttling, load, free memory. What cannot be read is None."""

from __future__ import annotations

import math
import os
import re
import time
from pathlib import Path

from edge.hardware.processor import mhz_now
from edge.hardware.reading import ROOT, answer, listed, number, text, whole
from edge.hardware.record import Condition

_SENSIBLE_C = range(1, 131)
_PROCESSOR_ZONES = ("cpu", "soc", "x86_pkg_temp", "tj", "bigcore", "littlecore", "package")
_PROCESSOR_CHIPS = ("coretemp", "k10temp", "zenpower", "cpu_thermal")
_FIRMWARE_BITS = ("under-voltage", "frequency-capped", "throttled", "soft-temperature-limit")
_BEFORE_BIT = 16
_KIB = 1024


def condition(began_s: float, root: Path = ROOT) -> Condition:
    """The machine now; never fails for a sensor.

    Args:
        began_s: when the benchmark began, `time.monotonic()`.
        root: folder of the machine.
    """
    free = memory_mb(root, "MemAvailable")
    return Condition(
        at_s=round(time.monotonic() - began_s, 1),
        temperature_c=processor_temperature_c(root),
        mhz=mhz_now(root),
        throttled=throttled(root),
        load=_load(root),
        available_mb=free,
    )


def processor_temperature_c(root: Path = ROOT) -> float | None:
    """The hottest sensor of the processor, degrees Celsius; None where there is none that makes sense.

    Thermal zones named after the processor count first, then its chip's own sensors, then any thermal zone (kernel,
    `driver-api/thermal/sysfs-api` and `hwmon/sysfs-interface`: thousandths of a degree).
    """
    zones = listed(root, "sys/class/thermal/thermal_zone*")
    own = [zone for zone in zones if (text(zone / "type") or "").lower().startswith(_PROCESSOR_ZONES)]
    chips = [chip for chip in listed(root, "sys/class/hwmon/hwmon*") if text(chip / "name") in _PROCESSOR_CHIPS]
    by_chip = [file for chip in chips for file in listed(chip, "temp*_input")]
    for files in ([zone / "temp" for zone in own], by_chip, [zone / "temp" for zone in zones]):
        degrees = [value / 1000 for file in files if (value := number(file)) is not None]
        if sensible := [value for value in degrees if int(value) in _SENSIBLE_C]:
            return max(sensible)
    return None


def throttled(root: Path = ROOT) -> tuple[str, ...] | None:
    """What holds the processor back now (`-now`) or did since the start of the machine (`-before`); None: unknown."""
    known = [found for look in (_raspberry_pi, _jetson, _x86) if (found := look(root)) is not None]
    return tuple(name for found in known for name in found) if known else None


def memory_mb(root: Path, field: str) -> float | None:
    """A line of /proc/meminfo in 10^6 bytes (proc_meminfo(5): kB there are 1024 bytes)."""
    match = re.search(rf"^{field}:\s+(\d+) kB$", text(root / "proc/meminfo") or "", re.MULTILINE)
    kib = whole(match[1]) if match else None
    return None if kib is None else round(kib * _KIB / 1e6, 1)


def _raspberry_pi(root: Path) -> tuple[str, ...] | None:
    """Bits of the firmware (Raspberry Pi documentation, `vcgencmd get_throttled`): 0 to 3 now, 16 to 19 before."""
    told = (answer(root, "usr/bin/vcgencmd", "get_throttled") or "").partition("=")[2]
    if not told:
        # The node is named after the chip: soc/soc:firmware, or firmware of a Raspberry Pi 5.
        nodes = [*listed(root, "sys/devices/platform/soc*/*firmware/get_throttled")]
        told = next((said for node in nodes if (said := text(node))), "")
    bits = whole(told, 16)
    if bits is None or bits < 0:
        return _under_voltage_alarm(root)
    now = [f"{name}-now" for bit, name in enumerate(_FIRMWARE_BITS) if bits >> bit & 1]
    before = [f"{name}-before" for bit, name in enumerate(_FIRMWARE_BITS) if bits >> (bit + _BEFORE_BIT) & 1]
    return (*now, *before)


def _under_voltage_alarm(root: Path) -> tuple[str, ...] | None:
    """The kernel's own look at it (`drivers/hwmon/raspberrypi-hwmon.c`), where the firmware may not be asked."""
    chips = [chip for chip in listed(root, "sys/class/hwmon/hwmon*") if text(chip / "name") == "rpi_volt"]
    alarms = [value for chip in chips if (value := number(chip / "in0_lcrit_alarm")) is not None]
    return (("under-voltage-now",) if any(alarms) else ()) if alarms else None


def _jetson(root: Path) -> tuple[str, ...] | None:
    """Events of over-current throttling (Jetson Linux developer guide, "Over-current throttling": `oc*_event_cnt`)."""
    counts = [value for f in listed(root, "sys/class/hwmon/hwmon*/oc*_event_cnt") if (value := number(f)) is not None]
    return (("over-current-before",) if any(counts) else ()) if counts else None


def _x86(root: Path) -> tuple[str, ...] | None:
    """Thermal events of Intel processors (kernel, `arch/x86/kernel/cpu/mce/therm_throt.c`)."""
    files = listed(root, "sys/devices/system/cpu/cpu[0-9]*/thermal_throttle/*_throttle_count")
    counts = [value for file in files if (value := number(file)) is not None]
    return (("throttled-before",) if any(counts) else ()) if counts else None


def _load(root: Path) -> float | None:
    """proc_loadavg(5); elsewhere what the system tells Python."""
    try:
        told = float((text(root / "proc/loadavg") or "").split()[0])
    except (IndexError, ValueError):
        told = math.nan
    if math.isfinite(told) and told >= 0:
        return told
    try:
        return round(os.getloadavg()[0], 2) if root == ROOT else None
    except (AttributeError, OSError):
        return None
