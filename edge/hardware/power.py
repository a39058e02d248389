"""Sensors of power on boards: the monitor chips of a Jetson, the power management chip of a Raspberry Pi 5."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from edge.hardware.reading import answer, listed, number, present, text

_WHOLE = ("VDD_IN", "POM_5V_IN")
_PARTS = ("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0")
_JETSON_PERIOD_S = 0.1
_PI_PERIOD_S = 0.5  # every reading starts a program


@dataclass(frozen=True)
class Rails:
    """Sensors that together tell a power.

    Attributes:
        name: what is read.
        covers: which parts of the machine.
        watts: power now; None where it cannot be read.
        period_s: how often it may be read without being a load itself.
    """

    name: str
    covers: str
    watts: Callable[[], float | None]
    period_s: float


def find_rails(root: Path) -> Rails | None:
    """The sensors of this board; None where there are none that may be read."""
    for rails in (_jetson(root), _raspberry_pi(root)):
        if rails is not None and rails.watts() is not None:
            return rails
    return None


def _jetson(root: Path) -> Rails | None:
    """INA3221 channels by label (kernel, `hwmon/ina3221`: mV and mA; Jetson Linux developer guide, "Power monitor").

    Modules with one input rail name it VDD_IN. The AGX Orin has none: there the three rails that feed it are added
    (VDDQ_VDD2_1V8AO, of the second chip, is fed by one of them).
    """
    channels = {
        label: (chip / f"in{n}_input", chip / f"curr{n}_input")
        for chip in listed(root, "sys/class/hwmon/hwmon*")
        if text(chip / "name") == "ina3221"
        for n in (1, 2, 3)
        if (label := text(chip / f"in{n}_label"))
    }
    whole = next((label for label in _WHOLE if label in channels), None)
    if whole is not None:
        wanted, covers = [whole], "the whole module, not the carrier board"
    elif all(label in channels for label in _PARTS):
        wanted, covers = list(_PARTS), "the module's processor, graphics and input rails, not the carrier board"
    else:
        return None
    watts = partial(_ina_watts, [channels[label] for label in wanted])
    return Rails("INA3221 " + ", ".join(wanted), covers, watts, _JETSON_PERIOD_S)


def _ina_watts(channels: list[tuple[Path, Path]]) -> float | None:
    total = 0.0
    for volts, amperes in channels:
        mv, ma = number(volts), number(amperes)
        if mv is None or ma is None:
            return None
        total += mv * ma * 1e-6
    return total


def _raspberry_pi(root: Path) -> Rails | None:
    """Rails of the Raspberry Pi 5 (`vcgencmd pmic_read_adc`: a line `NAME_A current(0)=0.1A`, one `NAME_V ...` each).

    What it does not see: its own losses and whatever hangs on the 5 V pins and USB.
    """
    if not present(root / "usr/bin/vcgencmd"):
        return None
    covers = "the rails behind the power chip; not its losses, nor what is plugged in"
    return Rails("Raspberry Pi PMIC", covers, partial(_pmic_watts, root), _PI_PERIOD_S)


def _pmic_watts(root: Path) -> float | None:
    said = answer(root, "usr/bin/vcgencmd", "pmic_read_adc") or ""
    amperes = dict(re.findall(r"^\s*(\S+)_A current\(\d+\)=([\d.]+)A\s*$", said, re.MULTILINE))
    volts = dict(re.findall(r"^\s*(\S+)_V volt\(\d+\)=([\d.]+)V\s*$", said, re.MULTILINE))
    try:
        rails = [float(amperes[name]) * float(volts[name]) for name in amperes.keys() & volts.keys()]
    except ValueError:
        return None
    return sum(rails) if rails and amperes.keys() <= volts.keys() and math.isfinite(sum(rails)) else None
