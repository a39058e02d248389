"""Text in a picture: lines are found, straightened, turned the right way and read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from edge.inference.sessions import SessionFactory
from edge.media import Image
from edge.perception.text_detection import DetectedLine, TextDetector
from edge.perception.text_geometry import Corners, as_quad, crop_line, sides, turn
from edge.perception.text_merging import best_lines, shared_area
from edge.perception.text_recognition import LINE_HEIGHT, TextRecognizer
from edge.results import TextLine
from edge.settings import TextSettings

_TALL = 1.5
_REPEATS = 0.6


class TextReader:
    """Finds and reads the lines of text in pictures. One thread at a time."""

    def __init__(self, detector: TextDetector, recognizer: TextRecognizer, settings: TextSettings) -> None:
        self._detector = detector
        self._recognizer = recognizer
        self._settings = settings

    @classmethod
    def load(
        cls, detector: Path, recognizer: Path, sessions: SessionFactory, settings: TextSettings | None = None
    ) -> TextReader:
        """Open both models.

        Args:
            detector: folder of the detection model.
            recognizer: folder of the recognition model.
            sessions: makes the sessions; its thread budget is used by running as many sessions at once.
            settings: thresholds and sizes.

        Raises:
            ModelNotFoundError: a folder does not hold its model.
            ModelCorruptError: a file there is not what it should be.
            InferenceError: a file cannot be loaded.
        """
        settings = settings or TextSettings()
        return cls(
            TextDetector.load(detector, sessions, settings),
            TextRecognizer.load(recognizer, sessions, settings),
            settings,
        )

    def read(
        self, image: Image, *, small: bool = False, checkpoint: Callable[[], None] = lambda: None
    ) -> tuple[TextLine, ...]:
        """All lines of text in a picture, from top to bottom.

        Args:
            image: uint8 [h, w, 3], BGR, any size.
            small: look at fewer pixels; finds less, in a third of the time.
            checkpoint: called before every step of some tens of milliseconds; it may wait, or raise to give up.

        Returns:
            Lines with boxes in pixels of `image`.

        Raises:
            InferenceError: a graph failed.
        """
        if small:
            found = self._detector.detect(image, pixels=self._settings.detection_pixels_small, checkpoint=checkpoint)
            lines = self._read(image, found, checkpoint)
        else:
            lines = self._read(image, self._detector.detect(image, checkpoint=checkpoint), checkpoint)
            sure = [line for line in lines if line.confidence >= self._settings.sure_confidence]
            explained = [np.array(line.box, np.float32) for line in sure]
            closer = self._detector.detect_closer(image, explained, checkpoint=checkpoint)
            new = [line for line in closer if not any(_repeats(line, other) for other in sure)]
            lines += self._read(image, new, checkpoint)
        return tuple(best_lines([line for line in lines if line.confidence >= self._settings.min_confidence]))

    def _read(self, image: Image, found: Sequence[DetectedLine], checkpoint: Callable[[], None]) -> list[TextLine]:
        corners = [_upright(line.corners) for line in found]
        crops = [crop_line(image, one, LINE_HEIGHT) for one in corners]
        read = self._recognizer.recognize(crops, checkpoint)
        unsure = [index for index, text in enumerate(read) if text.confidence < self._settings.sure_confidence]
        again = self._recognizer.recognize([stretched(crops[index]) for index in unsure], checkpoint)
        for index, text in zip(unsure, again, strict=True):
            read[index] = max(read[index], text, key=lambda one: one.confidence)
        return [
            TextLine(as_quad(one), text.text, text.confidence)
            for one, text in zip(corners, read, strict=True)
            if text.text
        ]


def stretched(crop: Image) -> Image:
    """A crop with its darkest and brightest 2 % made black and white, and all between in proportion."""
    low, high = np.percentile(crop, (2, 98))
    return np.asarray(np.clip((crop - low) * (255.0 / max(high - low, 1.0)), 0, 255), np.uint8)


def _upright(corners: Corners) -> Corners:
    across, down = sides(corners)
    return turn(corners, 3) if down > across * _TALL else corners


def _repeats(line: DetectedLine, other: TextLine) -> bool:
    """Whether most of a place lies in a line that was read surely."""
    across, down = sides(line.corners)
    return shared_area(as_quad(line.corners), other.box) > _REPEATS * across * down
