"""Pictures to things and their boxes: the composition behind `edge detect`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.events import SeenObject
from edge.hub.store import ModelStore
from edge.media import Image
from edge.object_sense import ObjectSense
from edge.picture_folder import PictureFolder
from edge.results import DetectedObject
from edge.settings import Settings
from edge.sources.picture import read_picture


class PictureDetector:
    """Looks at pictures, one after another.

    Args:
        sense: detects and names.
        settings: size of the text.
        folder: where pictures with boxes drawn in are written; None: nowhere.
    """

    def __init__(self, sense: ObjectSense, settings: Settings, folder: PictureFolder | None = None) -> None:
        self._sense = sense
        self._settings = settings
        self._folder = folder
        self._fonts: Any = None

    @classmethod
    def load(cls, settings: Settings, language: str, folder: Path | None = None) -> PictureDetector:
        """Open the detector of the settings and make `folder`; arguments as in `interface.object_detector`.

        Raises:
            SettingsError: no detector is chosen.
            LanguageError: an unknown code.
            ModelNotFoundError, ModelCorruptError, UnknownModelError: say what to do.
            InferenceError: a model that this runtime cannot load.
            SinkError: the folder cannot be made.
        """
        sense = ObjectSense.load(ModelStore(), settings, language)
        return cls(sense, settings, PictureFolder(folder, "--out") if folder is not None else None)

    def __call__(self, path: Path) -> dict[str, Any]:
        """`{"file", "objects": [{"label", "name", "score", "box"}]}`, the surest first.

        Raises:
            SourceError: the file is no picture that can be read.
            InferenceError: the model failed.
            SinkError: the drawn picture cannot be written.
        """
        image = read_picture(path)
        found = self._sense.objects(image)
        if self._folder is not None:
            self._folder.write(path, self._drawn(image, found))
        return {"file": str(path), "objects": [_record(one) for one in found]}

    def _drawn(self, image: Image, found: Sequence[DetectedObject]) -> Image:
        from edge.app import load_fonts
        from edge.hud.object_boxes import draw_objects

        if self._fonts is None:
            self._fonts = load_fonts(ModelStore(), self._settings.hud.fonts)
        seen = [SeenObject(number, one.label, one.name, one.score, one.box) for number, one in enumerate(found, 1)]
        return draw_objects(image, seen, self._settings.hud, self._fonts)


def _record(one: DetectedObject) -> dict[str, Any]:
    box = [round(side, 1) for side in one.box]
    return {"label": one.label, "name": one.name, "score": round(one.score, 4), "box": box}
