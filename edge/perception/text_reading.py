"""Text in a picture: lines are found, straightened, turned the right way and read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge.inference.sessions import SessionFactory
from edge.media import Image
from edge.perception.text_detection import DetectedLine, TextDetector
from edge.perception.text_geometry import as_quad, sides
from edge.perception.text_merging import best_lines, shared_area
from edge.perception.text_recognition import TextRecognizer
from edge.perception.text_views import first_view, other_views, placed
from edge.results import TextLine
from edge.settings import TextSettings

_REPEATS = 0.6
_SHORT = 2


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
        survey = self._detector.survey(image, pixels=pixels, checkpoint=checkpoint)
        looks = [self._read(image, survey.lines, checkpoint)]
        if not small:
            looks.append(self._closer(image, looks[0], checkpoint, survey.hints))
        return tuple(best_lines(*looks))

    def read_closer(
        self, image: Image, known: Sequence[TextLine], *, checkpoint: Callable[[], None] = lambda: None
    ) -> tuple[TextLine, ...]:
        """Lines that are known from a small look at the same scene, and what a closer look finds besides them.

        Takes half the time of a full look.

        Args:
            image: as in `read`; the scene must not have moved since.
            known: what `read(..., small=True)` has found.
            checkpoint: as in `read`.

        Raises:
            InferenceError: a graph failed.
        """
        looks = [list(known), self._closer(image, known, checkpoint)]
        return tuple(best_lines(*looks))

    def read_again(
        self, image: Image, known: Sequence[TextLine], *, checkpoint: Callable[[], None] = lambda: None
    ) -> tuple[TextLine, ...]:
        """What stands now where lines were read: nothing is looked for, so it takes a tenth of the time of a look.

        Args:
            image: as in `read`.
            known: lines at their present places.
            checkpoint: as in `read`.

        Returns:
            The lines that are still read, in their order.

        Raises:
            InferenceError: a graph failed.
        """
        places = [DetectedLine(np.array(line.box, np.float32), 1.0) for line in known]
        return tuple(self._read(image, places, checkpoint))

    def _closer(
        self,
        image: Image,
        known: Sequence[TextLine],
        checkpoint: Callable[[], None],
        hints: npt.NDArray[np.float32] | None = None,
    ) -> list[TextLine]:
        """Small text where nothing sure has been read yet."""
        sure = [line for line in known if line.confidence >= self._settings.sure_confidence]
        explained = [np.array(line.box, np.float32) for line in sure]
        closer = self._detector.detect_closer(image, explained, hints, checkpoint=checkpoint)
        new = [line for line in closer if not any(_repeats(line, other) for other in sure)]
        return self._read(image, new, checkpoint)

    def _is_believed(self, line: TextLine) -> bool:
        short = sum(character.isalnum() for character in line.text) <= _SHORT
        least = self._settings.min_confidence_short if short else self._settings.min_confidence
        return line.confidence >= least

    def _read(self, image: Image, found: Sequence[DetectedLine], checkpoint: Callable[[], None]) -> list[TextLine]:
        views = [first_view(image, line.corners) for line in found]
        read = self._recognizer.recognize([view.crop for view in views], checkpoint)
        best = list(zip(views, read, strict=True))
        others = [
            (index, view)
            for index, (first, text) in enumerate(best)
            if text.confidence < self._settings.sure_confidence
            for view in other_views(image, found[index].corners, first, text.confidence)
        ]
        again = self._recognizer.recognize([view.crop for _, view in others], checkpoint)
        for (index, view), text in zip(others, again, strict=True):
            best[index] = max(best[index], (view, text), key=lambda one: one[1].confidence - one[0].handicap)
        lines = []
        for view, text in best:
            corners, vertical = placed(view, text.text)
            lines.append(TextLine(as_quad(corners), text.text, text.confidence, vertical))
        return [line for line in lines if line.text and self._is_believed(line)]


def _repeats(line: DetectedLine, other: TextLine) -> bool:
    """Whether most of a place lies in a line that was read surely."""
    across, down = sides(line.corners)
    return shared_area(as_quad(line.corners), other.box) > _REPEATS * across * down
