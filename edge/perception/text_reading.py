"""Text in a picture: lines are found, straightened, turned the right way and read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edge.inference.sessions import SessionFactory
from edge.media import Image
from edge.perception.text_detection import TextDetector
from edge.perception.text_geometry import as_quad, crop_line, sides, turn
from edge.perception.text_recognition import LINE_HEIGHT, TextRecognizer
from edge.results import TextLine
from edge.settings import TextSettings

_TALL = 1.5


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
        pixels = self._settings.detection_pixels_small if small else self._settings.detection_pixels
        found = self._detector.detect(image, pixels=pixels, checkpoint=checkpoint)
        corners = []
        for line in found:
            across, down = sides(line.corners)
            corners.append(turn(line.corners, 3) if down > across * _TALL else line.corners)
        crops = [crop_line(image, one, LINE_HEIGHT) for one in corners]
        read = self._recognizer.recognize(crops, checkpoint)
        return tuple(
            TextLine(as_quad(one), text.text, text.confidence)
            for one, text in zip(corners, read, strict=True)
            if text.text and text.confidence >= self._settings.min_confidence
        )
