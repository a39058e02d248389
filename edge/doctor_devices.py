"""The part of `edge doctor` that looks at cameras, microphones and the display. All are optional."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from edge.doctor_board import forbidden
from edge.finding import Finding
from edge.hardware.reading import ROOT

_PICAMERA = "scripts/board_setup --csi"


def microphones(root: Path = ROOT) -> Finding:
    """Those that PortAudio lists, the one that is taken when none is named, and why there may be none."""
    from edge.sources.devices import list_devices

    listed = list_devices()
    devices = [device for device in listed if device.kind == "microphone"]
    problem = next((device.name for device in listed if device.kind == "problem"), None)
    if problem is not None and not devices:
        message, _, run = problem.partition("; run: ")
        return Finding("microphones", True, f"{message}; recordings work without one", run)
    closed = forbidden("dev/snd/pcm*c", "audio", root)
    if not devices and closed:
        return Finding("microphones", True, "this user may not use the sound card; recordings work without one", closed)
    if not devices:
        return Finding("microphones", True, "none found; recordings work without one", "edge devices")
    return Finding("microphones", True, ", ".join(_described(device) for device in devices))


def _described(device: object) -> str:
    name, rate = getattr(device, "name", ""), getattr(device, "sample_rate", 0)
    notes = [f"{rate} Hz"] if rate else []
    notes += ["default"] if getattr(device, "is_default", False) else []
    return f"{name} ({', '.join(notes)})" if notes else str(name)


def cameras(root: Path = ROOT, can_import: Callable[[str], bool] | None = None) -> Finding:
    """Those that Linux lists; ribbon-cable ones need a library of the board."""
    from edge.sources.devices import list_devices

    listed = [device for device in list_devices() if device.kind == "camera"]
    if closed := forbidden("dev/video*", "video", root) if listed else "":
        return Finding("cameras", True, "this user may not use the cameras", closed)
    if not listed:
        return Finding("cameras", True, "none found; pictures, films and network cameras work without one")
    names = ", ".join(f"{device.name} ({device.uri})" for device in listed)
    on_ribbon = any(device.uri.startswith("csi://") for device in listed)
    if on_ribbon and (why := _no_ribbon_library(can_import or _can_import)):
        return Finding("cameras", True, f"{names}; no library here can open the one on the ribbon cable", why)
    return Finding("cameras", True, names)


def _no_ribbon_library(can_import: Callable[[str], bool]) -> str:
    from edge.sources.opencv_camera import has_gstreamer

    return "" if can_import("picamera2") or has_gstreamer() else _PICAMERA


def _can_import(name: str) -> bool:
    from importlib.util import find_spec

    return find_spec(name) is not None


def display() -> Finding:
    """Whether a window can be opened."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return Finding("display", True, "none; use --hud console, FILE.mp4 or FILE.png")
    return Finding("display", True, "there is one")
