"""Stages of reading signs: where lines are, what they say, and both for a whole picture.

Timed on drawn pictures (`edge.bench.inputs_signs`). The two models are float32, as upstream has them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from edge.bench.answers import Answers
from edge.bench.inputs_signs import FONTS, LINES, DrawnLine, DrawnPicture, Photo, drawn_signs, sign_photos
from edge.bench.inputs_speech import evenly
from edge.bench.precisions import FLOAT
from edge.bench.report import Quality
from edge.bench.scoring import character_errors, letters, letters_missed
from edge.bench.stage import Bench, Prepared, Stage
from edge.media import Image
from edge.perception.text_detection import DetectedLine, TextDetector
from edge.perception.text_geometry import Corners, crop_line, expand, sides
from edge.perception.text_reading import TextReader
from edge.perception.text_recognition import LINE_HEIGHT, TextRecognizer
from edge.sources.picture import read_picture

MODELS = ("ppocr-det-small", "ppocr-rec-small")
QUICK_PHOTOS = 4
SAME_PLACE = 0.5
"""Intersection over union from which a detected line is the drawn one."""

_DATA = "drawn signs"
_AROUND_INK = 0.12


def detection(bench: Bench) -> Prepared:
    """Where lines of text are in one picture, as the first look at it."""
    text = bench.settings.text
    detector = TextDetector.load(bench.store.open(text.detector), bench.sessions, text)
    pictures = _drawn(bench)

    def detect(picture: DrawnPicture) -> list[DetectedLine]:
        return detector.detect(picture.image)

    answers = Answers(detect, pictures)

    def quality() -> Sequence[Quality]:
        found = [lines_found(lines, picture.lines) for lines, picture in zip(answers.all(), pictures, strict=True)]
        total = LINES * len(pictures)
        return [Quality(metric="lines found", value=100 * sum(found) / total, data=_DATA, items=total, better="higher")]

    return Prepared(answers.samples, quality, unit="picture")


def _drawn(bench: Bench) -> tuple[DrawnPicture, ...]:
    """All pictures; every second one when it must be quick: one of each language."""
    return drawn_signs(bench.store)[:: 2 if bench.quick else 1]


def lines_found(detected: Sequence[DetectedLine], drawn: Sequence[DrawnLine]) -> int:
    """How many of the drawn lines a detected one lies over, at an intersection over union of one half."""
    return sum(any(overlap(line.corners, one.corners) >= SAME_PLACE for one in detected) for line in drawn)


def overlap(one: Corners, other: Corners) -> float:
    """Intersection of two convex quadrilaterals over their union."""
    import cv2

    both, _ = cv2.intersectConvexConvex(np.float32(one), np.float32(other))
    areas = cv2.contourArea(np.float32(one)) + cv2.contourArea(np.float32(other))
    return float(both / (areas - both)) if areas > both else 0.0


def recognition(bench: Bench) -> Prepared:
    """What the four lines of a picture say, cut out where they are known to stand."""
    text = bench.settings.text
    recognizer = TextRecognizer.load(bench.store.open(text.recognizer), bench.sessions, text)
    pictures = _drawn(bench)

    def read(crops: Sequence[Image]) -> list[str]:
        return [line.text for line in recognizer.recognize(crops)]

    answers = Answers(read, [[_crop(picture.image, line.corners) for line in picture.lines] for picture in pictures])

    def quality() -> Sequence[Quality]:
        said = [text for texts in answers.all() for text in texts]
        rate, characters = character_errors(said, [line.text for picture in pictures for line in picture.lines])
        return [Quality(metric="CER", value=round(rate, 2), data=_DATA, items=characters, better="lower")]

    return Prepared(answers.samples, quality, units=LINES, unit="line")


def _crop(image: Image, corners: Corners) -> Image:
    return crop_line(image, expand(corners, _AROUND_INK * min(sides(corners))), LINE_HEIGHT)


def picture(bench: Bench) -> Prepared:
    """A whole picture read as `edge read` does: a first look, a closer one, doubtful lines again."""
    text = bench.settings.text
    folders = bench.store.open(text.detector), bench.store.open(text.recognizer)
    reader = TextReader.load(*folders, bench.sessions, text)
    pictures = _drawn(bench)

    def read(image: Image) -> list[str]:
        return [line.text for line in reader.read(image)]

    answers = Answers(read, [one.image for one in pictures])

    def quality() -> Sequence[Quality]:
        photos = _photos(bench)
        if photos:
            texts = [read(read_picture(photo.path)) for photo in photos]
            return [_missed(texts, [photo.required for photo in photos], "photos of signs")]
        required = [letters("".join(line.text for line in one.lines)) for one in pictures]
        return [_missed(answers.all(), required, _DATA)]

    return Prepared(answers.samples, quality, unit="picture")


def _photos(bench: Bench) -> tuple[Photo, ...]:
    photos = () if bench.data is None else sign_photos(bench.data)
    return evenly(photos, QUICK_PHOTOS if bench.quick else None)


def _missed(texts: Sequence[Sequence[str]], required: Sequence[Counter[str]], data: str) -> Quality:
    rate, count = letters_missed([letters("".join(lines)) for lines in texts], required)
    return Quality(metric="characters missed", value=round(rate, 2), data=data, items=count, better="lower")


STAGES: tuple[Stage, ...] = (
    Stage("signs.detection", "picture of 1280 x 720", detection, (MODELS[0], *FONTS), (FLOAT,)),
    Stage("signs.recognition", "4 lines of text", recognition, (MODELS[1], *FONTS), (FLOAT,)),
    Stage("signs.picture", "picture of 1280 x 720, 4 lines", picture, (*MODELS, *FONTS), (FLOAT,)),
)
"""In the order of the table."""
