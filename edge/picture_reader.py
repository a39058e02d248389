"""Pictures to translated regions: the composition behind `edge read`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edge.events import SignTranslated
from edge.hub.store import ModelStore
from edge.media import Image
from edge.picture_folder import PictureFolder
from edge.pipelines.signs import sign_event
from edge.results import Region, SignText
from edge.settings import Settings
from edge.sign_sense import SignSense
from edge.sources.picture import read_picture


class PictureReader:
    """Reads pictures, one after another.

    Args:
        sense: reads and translates.
        settings: how overlays are drawn.
        folder: where pictures with their translations drawn in are written; None: nowhere.
        tell: told once for each language that no installed pack translates; says what to pull.
    """

    def __init__(
        self,
        sense: SignSense,
        settings: Settings,
        folder: PictureFolder | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._sense = sense
        self._settings = settings
        self._folder = folder
        self._tell = tell
        self._told: set[str] = set()
        self._fonts: Any = None

    @classmethod
    def load(
        cls,
        settings: Settings,
        source: str,
        target: str,
        folder: Path | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> PictureReader:
        """Open the models of the store and make `folder`; arguments as in `interface.picture_reader`.

        Raises:
            LanguageError: unknown codes, or no way from one of `source` to `target`.
            ModelNotFoundError, ModelCorruptError: say what to pull.
            InferenceError: a model that this runtime cannot load.
            SinkError: the folder cannot be made.
        """
        drawn = PictureFolder(folder, "--draw") if folder is not None else None
        return cls(SignSense.load(ModelStore(), settings, source, target), settings, drawn, tell)

    def __call__(self, path: Path) -> dict[str, Any]:
        """`{"file", "regions": [{"box", "text", "confidence", "translation"}]}`, regions in reading order.

        Raises:
            SourceError: the file is no picture that can be read.
            InferenceError, ModelCorruptError: a model cannot be opened or run.
            SinkError: the drawn picture cannot be written.
        """
        image = read_picture(path)
        found = self._sense.read_picture(image)
        for message in dict.fromkeys(text.missing for _, text in found if text.missing):
            if message not in self._told:
                self._told.add(message)
                self._tell(message)
        if self._folder is not None:
            self._draw(path, image, found, self._folder)
        return {"file": str(path), "regions": [_record(region, text) for region, text in found]}

    def _draw(self, path: Path, image: Image, found: Sequence[tuple[Region, SignText]], folder: PictureFolder) -> None:
        from edge.app import load_fonts
        from edge.hud.overlay import draw_signs

        if self._fonts is None:
            self._fonts = load_fonts(ModelStore(), self._settings.hud.fonts)
        signs: list[SignTranslated] = [
            sign_event(0, number, region, text, self._sense.target) for number, (region, text) in enumerate(found, 1)
        ]
        folder.write(path, draw_signs(image, signs, self._settings.hud, self._fonts))


def _record(region: Region, text: SignText) -> dict[str, Any]:
    return {
        "box": [[round(x, 1), round(y, 1)] for x, y in region.box],
        "text": region.text,
        "confidence": round(region.confidence, 4),
        "translation": text.translation,
    }
