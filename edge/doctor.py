"""`edge doctor`: is everything there that a session needs, and what to run where it is not."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from edge import doctor_devices
from edge.doctor_board import examine_board
from edge.finding import Finding, attempt
from edge.hardware.reading import ROOT
from edge.hub.store import ModelStore
from edge.settings import Settings

__all__ = ["Finding", "examine"]

_NO_RUNTIME = ("-extensions", "-genai", "-tools")


def examine(settings: Settings, root: Path = ROOT) -> Iterator[Finding]:
    """Check everything, one finding after the other as soon as it is known; never raises for what it finds.

    Args:
        settings: those of a session.
        root: folder of the machine, for what its kernel tells.
    """
    yield Finding("python", True, f"{platform.python_version()} on {platform.machine()} {sys.platform}")
    yield from attempt("onnxruntime", partial(_runtime, settings))
    yield from attempt("opencv", _opencv, optional=True)
    store = ModelStore()
    models = store.shipped.defaults()  # the store itself may be out of reach
    yield from examine_board(sum(model.ram_mb for model in models), settings.scheduling.max_temperature_c, root)
    yield from attempt("store", partial(_store, store))
    yield from attempt("providers", partial(_providers, store, settings), optional=True)
    for model in models:
        yield from attempt(f"model {model.id}", partial(_model, store, model.id, settings))
    yield from attempt("microphones", partial(doctor_devices.microphones, root), optional=True)
    yield from attempt("cameras", partial(doctor_devices.cameras, root), optional=True)
    yield from attempt("display", doctor_devices.display, optional=True)


def _runtime(settings: Settings) -> Finding:
    """Its version, and which of the packages that bring it is there; two of them lie over each other."""
    from edge.inference.sessions import SessionFactory, import_onnxruntime

    runtime = import_onnxruntime()
    available = ", ".join(runtime.get_available_providers())
    uses = SessionFactory(settings.inference).providers()[0]
    said = f"{runtime.__version__}; uses {uses} of {available}"
    packages = [name for name in _packages("onnxruntime") if not name.endswith(_NO_RUNTIME)]
    if len(packages) > 1:
        keep = next(name for name in packages if name != "onnxruntime")
        others = f"pip uninstall --yes {' '.join(packages)}; pip install {keep}"
        return Finding("onnxruntime", True, f"{said}: {' and '.join(packages)} both bring it", others)
    return Finding("onnxruntime", True, said)


def _packages(start: str, part: str = "") -> list[str]:
    """Installed packages whose names begin so and contain that."""
    from importlib.metadata import distributions

    names = {(found.metadata["Name"] or "").lower().replace("_", "-") for found in distributions()}
    return sorted(name for name in names if name.startswith(start) and part in name)


def _opencv() -> Finding:
    """Which of the packages that bring cv2 is there; two of them lie over each other."""
    from edge.sources.opencv_camera import import_cv2

    packages = _packages("opencv-", "python")
    version = f"{import_cv2().__version__} ({' and '.join(packages) or 'of the system'})"
    if len(packages) > 1:
        keep = packages[0]
        others = f"pip uninstall --yes {' '.join(packages)}; pip install {keep}"
        return Finding("opencv", True, f"{version}: more than one package brings cv2", others)
    if packages and packages[0].endswith("-headless"):
        return Finding("opencv", True, f"{version}; without windows: use --hud console, FILE.mp4 or FILE.png")
    return Finding("opencv", True, version)


def _store(store: ModelStore) -> Finding:
    installed = store.installed()
    if not installed:
        return Finding("store", False, f"{store.root} holds no models", "edge models pull")
    return Finding("store", True, f"{store.root} holds {len(installed)} models")


def _providers(store: ModelStore, settings: Settings) -> Finding:
    """What may run the models here, and which was chosen for which."""
    from edge.inference.provider_choices import describe
    from edge.inference.sessions import import_onnxruntime

    used = [found for model in store.catalogue.defaults() if (found := store.resolve(model.id)) is not None]
    files = sorted(file for model in used for file in store.folder(model).glob("*.onnx"))
    lines = describe(store.root, settings.inference, import_onnxruntime(), files)
    message, _, run = "; ".join(lines).partition("; run: ")
    return Finding("providers", True, message, run)


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
