"""Where the frames around things and their names stand on the display: `place_objects` is pure, as all layout is.

A name stands above its thing, else at another edge or inside, where it covers no caption, notice or other name; where
there is no such place, the frame stands alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from edge.events import SeenObject
from edge.hud.bidi import is_rtl
from edge.hud.breaking import clean
from edge.hud.drawing import Painter, to_display
from edge.hud.fonts import Fonts
from edge.hud.layout import CAP_HALF, SAFE, Block, Line, Measure, Metrics, Outline, metrics
from edge.hud.wrapping import shorten
from edge.media import Image
from edge.settings import HudSettings

MOST = 12
"""Things that are shown at once, the surest first."""
SMALLEST = 8
"""Pixels of the display that a side must have to be shown."""
_WIDEST_NAME = 0.35  # of the display


def place_objects(
    objects: Sequence[SeenObject],
    frame: tuple[int, int],
    size: tuple[int, int],
    blocks: Sequence[Block],
    measure: Measure,
    settings: HudSettings,
) -> tuple[tuple[Outline, ...], tuple[Block, ...]]:
    """Frames around things, and blocks with their names.

    Args:
        objects: boxes in pixels of the camera frame.
        frame: width and height of the camera frame.
        size: width and height of the display.
        blocks: what stands there already.
        measure: width of a text at a font size.
        settings: size of text.
    """
    m = metrics(size, settings)
    outlines: list[Outline] = []
    names: list[Block] = []
    for one in sorted(objects, key=lambda one: (-one.score, one.number))[:MOST]:
        outline = _outline(one, frame, size, m)
        if outline is None:
            continue
        outlines.append(outline)
        name = _name(one.name, size, m, measure)
        place = _free(name, outline, [*blocks, *names], size) if name else None
        if name and place:
            names.append(Block(name.role, *place, name.width, name.height, name.radius, name.lines))
    return tuple(outlines), tuple(names)


def _outline(one: SeenObject, frame: tuple[int, int], size: tuple[int, int], m: Metrics) -> Outline | None:
    left, top, right, bottom = one.box
    corners = to_display(((left, top), (right, top), (right, bottom), (left, bottom)), frame, size)
    x, y = (max(0, round(value)) for value in corners[0])
    across, down = (min(side, round(value)) for side, value in zip(size, corners[2], strict=True))
    if across - x < SMALLEST or down - y < SMALLEST:
        return None
    return Outline(x, y, across - x, down - y, max(4, round(m.text * 0.14)))


def _name(words: str, size: tuple[int, int], m: Metrics, measure: Measure) -> Block | None:
    pixels, pad = m.small, round(m.small * 0.4)
    words = shorten(clean(words), size[0] * _WIDEST_NAME, partial(_width, measure, pixels))
    if not words.strip("…"):
        return None
    advance = -int(-measure(words, pixels) // 1)
    height = round(pixels * 1.5)
    line = Line(words, pad, round(height / 2 + pixels * CAP_HALF), advance, pixels, "object", is_rtl(words))
    return Block("object", 0, 0, advance + 2 * pad, height, round(height * 0.25), (line,))


def _free(name: Block, outline: Outline, taken: Sequence[Block], size: tuple[int, int]) -> tuple[int, int] | None:
    """The first place for a name that nothing has taken: above, at the upper edge, below, at the lower edge, inside."""
    left, top = (-int(-side * SAFE // 1) for side in size)
    right, bottom = size[0] - left - name.width, size[1] - top - name.height
    below = outline.y + outline.height
    inner = (max(outline.y + outline.line, top), min(below - outline.line - name.height, bottom))
    rows = (outline.y - name.height, inner[0], below, inner[1], (outline.y + below - name.height) // 2)
    for y in rows:
        for x in (outline.x, outline.x + outline.width - name.width):
            place = (min(max(x, left), right), y)
            if place[0] < left or not top <= y <= bottom or not outline.y - name.height <= y <= below:
                continue
            if not any(_meet(place, name, other) for other in taken):
                return place
    return None


def _meet(place: tuple[int, int], name: Block, other: Block) -> bool:
    across = min(place[0] + name.width, other.x + other.width) - max(place[0], other.x)
    down = min(place[1] + name.height, other.y + other.height) - max(place[1], other.y)
    return across > 0 and down > 0


def _width(measure: Measure, pixels: int, text: str) -> float:
    return measure(text, pixels)


def draw_objects(image: Image, objects: Sequence[SeenObject], settings: HudSettings, fonts: Fonts) -> Image:
    """A picture with frames around things and their names: uint8 [h, w, 3] BGR, a new array.

    Args:
        image: uint8 [h, w, 3] BGR.
        objects: boxes in pixels of `image`.
        settings: size of text.
        fonts: fonts for the names.
    """
    size = (image.shape[1], image.shape[0])
    outlines, names = place_objects(objects, size, size, (), fonts.measure, settings)
    return Painter(size, fonts, settings).paint(names, image, outlines=outlines)
