"""Stages of showing: a caption that has changed, and translated signs over a picture of a camera.

Drawn by the HUD's own layout and painter, with the fonts that the program uses. What the HUD keeps from picture to
picture is kept here, too, but nothing of what has changed: captions are measured and drawn anew, signs have moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from edge.bench.inputs_signs import FONTS, LINES, DrawnPicture, drawn_signs
from edge.bench.inputs_text import phrases, sentences
from edge.bench.stage import Bench, Prepared, Stage
from edge.events import Corners, SessionStarted, SignTranslated, Subtitle
from edge.hud.drawing import Painter
from edge.hud.fonts import Fonts
from edge.hud.layout import layout, splitter
from edge.hud.overlay import Overlay
from edge.hud.state import HudState, reduce
from edge.media import Image
from edge.settings import HudSettings

SIZE = (960, 540)
CAPTIONS = 5
MOVED_PX = 4.0
"""How far signs move from one picture to the next, each way."""


def captions(bench: Bench) -> Prepared:
    """A translated sentence below an older one: split, laid out, drawn, on black."""
    fonts, settings = _fonts(bench), _settings(bench)
    split = splitter(SIZE, fonts.measure, settings)
    start: HudState = HudState(settings=settings)
    said = [Subtitle(0, number, *pair, "en", "pt") for number, pair in enumerate(sentences()[: CAPTIONS + 1])]
    for event in (SessionStarted(0, ("en",), "pt"), said[0]):
        start = reduce(start, event, 0, split)
    painters = [Painter(SIZE, fonts, settings)]

    def forget() -> None:
        painters[0] = Painter(SIZE, fonts, settings)
        fonts.measure.cache_clear()
        fonts.extent.cache_clear()
        painters[0].paint(layout(start, SIZE, fonts.measure), None)

    def show(event: Subtitle) -> Image:
        state = reduce(start, event, 0, split)
        return painters[0].paint(layout(state, SIZE, fonts.measure), None)

    return Prepared([partial(show, event) for event in said[1:]], before_each=forget, unit="picture")


def overlay(bench: Bench) -> Prepared:
    """A new picture of the camera, scaled to the display, and four known signs in it that have moved."""
    fonts, settings = _fonts(bench), _settings(bench)
    painter = Painter(SIZE, fonts, settings)
    painter.warm_up()
    pictures = drawn_signs(bench.store)[::2]
    signs = [_signs(number, picture) for number, picture in enumerate(pictures)]
    before = [np.roll(picture.image, 1, axis=1) for picture in pictures]

    def forget() -> None:
        for image, known in zip(before, signs, strict=True):
            painter.paint((), image, [Overlay(sign, sign.box) for sign in known])

    def show(image: Image, known: Sequence[SignTranslated]) -> Image:
        return painter.paint((), image, [Overlay(sign, _moved(sign.box)) for sign in known])

    samples = [partial(show, picture.image, known) for picture, known in zip(pictures, signs, strict=True)]
    return Prepared(samples, before_each=forget, unit="picture")


def _signs(number: int, picture: DrawnPicture) -> list[SignTranslated]:
    """The lines of a picture as signs of their own; what they are translated to is some phrase."""
    made = []
    for place, line in enumerate(picture.lines, number * LINES):
        box = _corners([(float(x), float(y)) for x, y in line.corners])
        made.append(SignTranslated(0, place, box, line.text, phrases()[place][1], "en", "pt", (box,)))
    return made


def _moved(box: Corners) -> Corners:
    return _corners([(x + MOVED_PX, y + MOVED_PX) for x, y in box])


def _corners(points: Sequence[tuple[float, float]]) -> Corners:
    first, second, third, fourth = points
    return first, second, third, fourth


def _settings(bench: Bench) -> HudSettings:
    return bench.settings.hud.model_copy(update={"width": SIZE[0], "height": SIZE[1]})


def _fonts(bench: Bench) -> Fonts:
    """Those of the program; that of the catalogue must be there, so that all machines draw the same.

    Raises:
        ModelNotFoundError: says what to pull.
    """
    from edge.app import load_fonts

    bench.store.open(FONTS[0])
    return load_fonts(bench.store, bench.settings.hud.fonts)


STAGES: tuple[Stage, ...] = (
    Stage("hud.captions", "changed caption, 960 x 540", captions, FONTS[:1], ("-",), threaded=False),
    Stage("hud.overlay", "4 signs over 960 x 540", overlay, FONTS, ("-",), threaded=False),
)
"""In the order of the table."""
