"""What there is to listen with and look through, for `edge devices`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge.errors import SourceError
from edge.sources.microphone import list_microphones

_V4L = Path("/sys/class/video4linux")
# Names of video devices of a Raspberry Pi and a Jetson that are no cameras: codecs, image processors.
_NO_CAMERA = ("bcm2835-codec", "bcm2835-isp", "pispbe", "rpi-hevc", "rpivid", "tegra-")
# Receivers of a ribbon-cable camera: they give raw sensor data, so a library of the board opens it (csi://NUMBER). A
# Raspberry Pi has several for one camera, a Jetson one for each.
_RIBBON_PI = ("unicam", "rp1-cfe")
_RIBBON_JETSON = "vi-output"


@dataclass(frozen=True)
class Device:
    """One line of `edge devices`.

    Attributes:
        kind: `microphone`, `camera`, or `problem` where devices cannot be listed.
        uri: what `--mic` or `--camera` takes; empty for a problem.
        name: what the system calls it; what is wrong and what to run, for a problem.
        is_default: whether it is taken when none is named.
        sample_rate: hertz, of a microphone; else 0.
        channels: of a microphone; else 0.
    """

    kind: Literal["microphone", "camera", "problem"]
    uri: str
    name: str
    is_default: bool = False
    sample_rate: int = 0
    channels: int = 0

    def __str__(self) -> str:
        if self.kind == "problem":
            return f"problem     {self.name}"
        sound = f" ({self.sample_rate} Hz, {self.channels} ch)" if self.kind == "microphone" else ""
        return f"{self.kind:<11} {self.uri:<12} {self.name}{sound}{' [default]' if self.is_default else ''}"


def list_devices(v4l: Path = _V4L) -> list[Device]:
    """All microphones and cameras, and a problem for each kind that cannot be listed. Opens no device.

    Args:
        v4l: where Linux lists video devices.
    """
    return [*_microphones(), *_cameras(v4l)]


def missing(listed: Sequence[Device]) -> list[str]:
    """A line for each kind of device of which there is none, and what works without it."""
    lines = []
    if not any(device.kind != "camera" for device in listed):
        lines.append("no microphone found; plug one in, or use a recording: --replay FILE")
    if not any(device.kind == "camera" for device in listed):
        seen = "found" if sys.platform.startswith("linux") else "can be listed here; try --camera 0"
        lines.append(f"no camera {seen}; --camera also takes a picture, a folder, a film or an address")
    return lines


def _microphones() -> list[Device]:
    try:
        return [
            Device("microphone", str(info.index), info.name, info.is_default, info.sample_rate, info.channels)
            for info in list_microphones()
        ]
    except SourceError as error:
        return [Device("problem", "", str(error))]


def _cameras(v4l: Path) -> list[Device]:
    """Linux names its cameras; elsewhere only opening would tell, and light a lamp, so nothing is listed."""
    if not v4l.is_dir():
        return []
    nodes = sorted(v4l.glob("video*"), key=lambda node: (len(node.name), node.name))
    firsts = [node for node in nodes if _read(node / "index") == "0"]  # other indices carry metadata, not pictures
    names = {node.name: _read(node / "name") or node.name for node in firsts}
    ribbons = [name for name in names.values() if name.startswith(_RIBBON_JETSON)]
    ribbons += [name for name in names.values() if name.startswith(_RIBBON_PI)][:1]
    plain = {
        node: name for node, name in names.items() if not name.startswith((*_NO_CAMERA, *_RIBBON_PI, _RIBBON_JETSON))
    }
    return [
        *(Device("camera", f"/dev/{node}", name) for node, name in plain.items()),
        *(Device("camera", f"csi://{number}", f"ribbon cable: {name}") for number, name in enumerate(ribbons)),
    ]


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
