"""`edge doctor`: is everything there that a session needs, and what to run where it is not."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from edge.errors import EdgeError
from edge.hub.store import ModelStore
from edge.settings import Settings

Level = str


@dataclass(frozen=True)
class Finding:
    """One checked thing.

    Attributes:
        check: what was looked at.
        ok: whether a session can run; optional things (a microphone, a display) do not spoil it.
        message: what was found.
        run: what to run or install, empty when nothing is to be done.
    """

    check: str
    ok: bool
    message: str
    run: str = ""

    def record(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)

    def __str__(self) -> str:
        mark = "ok  " if self.ok and not self.run else "note" if self.ok else "BAD "
        return f"{mark} {self.check}: {self.message}" + (f"; run: {self.run}" if self.run else "")


def examine(settings: Settings) -> Iterator[Finding]:
    """Check everything, one finding after the other as soon as it is known; never raises for what it finds."""
    yield Finding("python", True, f"{platform.python_version()} on {platform.machine()} {sys.platform}")
    yield from _attempt("onnxruntime", _runtime)
    yield from _attempt("opencv", _opencv, optional=True)
    store = ModelStore()
    yield from _attempt("store", lambda: _store(store))
    for model in store.catalogue.defaults():
        yield from _attempt(f"model {model.id}", lambda id_=model.id: _model(store, id_, settings))  # type: ignore[misc]
    yield from _attempt("microphones", _microphones, optional=True)
    yield from _attempt("cameras", _cameras, optional=True)
    yield from _attempt("display", _display, optional=True)


def _attempt(check: str, look: Callable[[], Finding], *, optional: bool = False) -> Iterator[Finding]:
    try:
        yield look()
    except EdgeError as error:
        message, _, run = str(error).partition("; run: ")
        yield Finding(check, optional, message, run)
    except Exception as error:  # noqa: BLE001 - a doctor reports whatever it meets
        yield Finding(check, optional, f"{type(error).__name__}: {error}")


def _runtime() -> Finding:
    from edge.inference.sessions import SessionFactory, import_onnxruntime

    runtime = import_onnxruntime()
    available = ", ".join(runtime.get_available_providers())
    return Finding("onnxruntime", True, f"{runtime.__version__}; uses {SessionFactory().providers()[0]} of {available}")


def _opencv() -> Finding:
    """Which of the packages that bring cv2 is there; two of them lie over each other."""
    from importlib.metadata import distributions

    from edge.sources.opencv_camera import import_cv2

    names = {(found.metadata["Name"] or "").lower().replace("_", "-") for found in distributions()}
    packages = sorted(name for name in names if name.startswith("opencv-") and "python" in name)
    version = f"{import_cv2().__version__} ({' and '.join(packages) or 'of the system'})"
    if len(packages) > 1:
        keep = packages[0]
        others = f"pip uninstall --yes {' '.join(packages)}; pip install {keep}"
        return Finding("opencv", True, f"{version}: more than one package brings cv2", others)
    if packages and packages[0].endswith("-headless"):
        return Finding("opencv", True, f"{version}; without windows: use --hud console, FILE.mp4 or FILE.png")
    return Finding("opencv", True, version)


def _cameras() -> Finding:
    from edge.sources.devices import list_devices

    cameras = [device for device in list_devices() if device.kind == "camera"]
    if not cameras:
        return Finding("cameras", True, "none found; pictures, films and network cameras work without one")
    return Finding("cameras", True, ", ".join(f"{device.name} ({device.uri})" for device in cameras))


def _store(store: ModelStore) -> Finding:
    installed = store.installed()
    if not installed:
        return Finding("store", False, f"{store.root} holds no models", "edge models pull")
    return Finding("store", True, f"{store.root} holds {len(installed)} models")


def _model(store: ModelStore, model_id: str, settings: Settings) -> Finding:
    """Check every byte, then run the model once."""
    folder = store.open(model_id)
    used = store.resolve(model_id)
    began = time.perf_counter()
    what = _warm_up(store.catalogue.get(model_id).task, folder, settings)
    took_ms = (time.perf_counter() - began) * 1000
    other = f" (through {used.id})" if used is not None and used.id != model_id else ""
    return Finding(
        f"model {model_id}", True, f"all bytes right{other}" + (f"; {what}, {took_ms:.0f} ms" if what else "")
    )


def _warm_up(task: str, folder: Any, settings: Settings) -> str:
    from edge.inference.sessions import SessionFactory

    sessions = SessionFactory(settings.inference)
    if task == "voice-activity":
        from edge.perception.voice_activity import WINDOW, VoiceActivityDetector

        VoiceActivityDetector.load(folder, sessions).detect(np.zeros(WINDOW, np.float32))
    elif task == "speech-recognition":
        from edge.perception.speech_recognition import SpeechRecognizer

        SpeechRecognizer.load(folder, sessions, settings.recognition).warm_up()
    elif task == "translation":
        from edge.perception.translation import Translator

        said = Translator.load(folder, sessions, settings.translation).translate("1, 2, 3.")
        return f"load and first inference gave {said!r}"
    elif not _warm_up_eyes(task, folder, sessions, settings):
        return ""
    return "load and first inference"


def _warm_up_eyes(task: str, folder: Any, sessions: Any, settings: Settings) -> bool:
    """The same for the models of the camera senses; False for a task that has no model to run."""
    blank = np.full((48, 320, 3), 255, np.uint8)
    if task == "text-detection":
        from edge.perception.text_detection import TextDetector

        TextDetector.load(folder, sessions, settings.text).detect(blank)
    elif task == "text-recognition":
        from edge.perception.text_recognition import TextRecognizer

        TextRecognizer.load(folder, sessions, settings.text).recognize([blank])
    elif task == "image-recognition":
        from edge.recognizers import try_recognizer

        try_recognizer(folder, sessions, settings.scene)
    elif task == "object-detection":
        from edge.perception.object_detection import ObjectDetector

        ObjectDetector.load(folder, sessions, folder.parent.name).warm_up()
    else:
        return False
    return True


def _microphones() -> Finding:
    from edge.sources.devices import list_devices

    listed = list_devices()
    devices = [device for device in listed if device.kind == "microphone"]
    problem = next((device.name for device in listed if device.kind == "problem"), None)
    if problem is not None and not devices:
        message, _, run = problem.partition("; run: ")
        return Finding("microphones", True, f"{message}; recordings work without one", run)
    if not devices:
        return Finding("microphones", True, "none found; recordings work without one", "edge devices")
    return Finding("microphones", True, ", ".join(str(device.name) for device in devices))


def _display() -> Finding:
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return Finding("display", True, "none; use --hud console, FILE.mp4 or FILE.png")
    return Finding("display", True, "there is one")
