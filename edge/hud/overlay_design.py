"""How one translated sign will look, whatever its size on the display: what is erased, and which words stand where.

A design is made once, when the sign is first shown, and follows the sign's corners from then on: text that is
being read does not change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edge.events import Corners, SignTranslated
from edge.hud.breaking import clean
from edge.hud.overlay_fitting import GAP, REFERENCE, Align, Measures, Paragraph, Row, below, fit
from edge.hud.overlay_geometry import FAR, Points, Rect, Room, bounds, mapped, room, size_of, to_own, turned
from edge.hud.overlay_paper import paper_room
from edge.hud.overlay_vertical import stack
from edge.media import Image
from edge.settings import HudSettings

LEGIBLE = 0.02
"""Smallest size of letters, as a share of the height of the picture."""
LARGEST = 0.6
"""Largest size of letters, as a share of the shorter side of the picture."""
SMALLEST_PX = 9
COLUMN = 1.4
"""Text from top to bottom, so much higher than wide, is a column."""
MARGIN = 0.04
"""What is erased around a line, times its height: boxes of text detection have some room around the letters."""
FILLED = 0.76
"""Height of the letters, times that of their line: measured on photographs, from 0.5 for small letters to 0.85."""
CROWDED = 1.15
"""Boxes may be so much higher than the distance of their lines without that the letters in them touch."""
PARAGRAPH = 3
"""So many lines are a paragraph, which may have more or fewer in another language."""
RUNNING = 8
"""Lines of running text are so many times as long as high, at least."""
BELOW, SOURCE = 0.72, 0.5
"""Size of a translation below its sign, and of the source text when it is shown, times that of the original."""
_STACKED = frozenset({"zh", "ja"})


@dataclass(frozen=True)
class Overlay:
    """A sign and where it is in the picture that is drawn, pixels."""

    sign: SignTranslated
    box: Corners


@dataclass(frozen=True)
class Panel:
    """Words on paper of their own, beside the sign."""

    rows: tuple[Row, ...]
    box: Rect


@dataclass(frozen=True)
class Design:
    """What to draw, in the sign's own frame (see `overlay_geometry`).

    Attributes:
        size: width and height of that frame, pixels of the display when the design was made.
        turned: the frame is the sign's box turned by a quarter, for text that runs from top to bottom.
        erased: corners of the lines to take away, each float64 [4, 2].
        rows: the translation in their place.
        panels: what stands beside the sign.
        line_height: height of the original's lines, pixels.
        spared: corners of other signs, which are not erased with this one.
    """

    size: tuple[float, float]
    turned: bool
    erased: tuple[Points, ...]
    rows: tuple[Row, ...]
    panels: tuple[Panel, ...]
    line_height: float
    spared: tuple[Points, ...] = ()

    @property
    def margin(self) -> float:
        """Pixels around the lines that are erased, too; the edge is as soft."""
        return max(1.0, MARGIN * self.line_height)

    @property
    def bounds(self) -> Rect:
        """What the drawing may cover."""
        parts = [bounds(line).grown(4 * self.margin) for line in self.erased]
        parts += [row.box.grown(4 * self.margin + 0.2 * row.size) for row in self.rows]
        parts += [panel.box.grown(2) for panel in self.panels]
        return parts[0].around(parts[1:]) if parts else Rect(0, 0, *self.size)


def is_shown(sign: SignTranslated) -> bool:
    """Whether there is anything to draw: a translation that differs from what is written."""
    return sign.translation is not None and sign.translation.split() not in ([], sign.text.split())


@dataclass(frozen=True)
class Around:
    """What is around a sign.

    Attributes:
        others: corners of the other signs, which should stay free.
        picture: width and height of the picture, pixels.
        image: the picture itself; None where there is none.
    """

    others: Sequence[Corners]
    picture: tuple[int, int]
    image: Image | None = None


def design(overlay: Overlay, around: Around, settings: HudSettings, fonts: Measures) -> Design:
    """The design of one sign.

    Args:
        overlay: the sign, which has a translation, and where it is.
        around: other signs and the picture.
        settings: mode, source text, size of text.
        fonts: measures of text.
    """
    sign, box = overlay.sign, overlay.box
    size = size_of(box)
    lines = _own_lines(sign, size)
    high = _line_height(sign, lines)
    crowding = _crowding(box, size, around.others) if len(lines) == 1 else FAR
    wanted = min(_letter_size(sign, min(high, crowding), fonts), max(SMALLEST_PX, LARGEST * min(around.picture)))
    legible = round(max(SMALLEST_PX, min(0.7 * wanted, LEGIBLE * around.picture[1] * settings.text_scale)))
    free = room(box, around.others, around.picture)
    align = _align(lines, around.others, box, high)
    most = len(lines) if len(lines) < PARAGRAPH else None
    text = Paragraph(sign.translation or "", sign.target, high, wanted, legible, align, most, _pitch(sign, lines))
    if settings.overlay == "below":
        panel = _panel(
            replace(text, wanted=BELOW * wanted), Rect(0, 0.1 * high, size[0], size[1] - 0.1 * high), free, fonts
        )
        return Design(size, turned=False, erased=(), rows=(), panels=panel, line_height=high)
    image = around.image
    paper = None if image is None else paper_room(image, box, size, high, sign.paper)
    own = to_own(box, size)
    frame = _clear_of([bounds(mapped(own, _core(other))) for other in around.others], size, high)
    plain = _in_place(sign, text, lines, (size, frame), (free, paper), fonts)
    own = to_own(placed(overlay, plain), plain.size)
    plain = replace(plain, spared=tuple(mapped(own, _core(other)) for other in around.others))
    if not settings.sign_source:
        return plain
    small = Paragraph(sign.text, sign.language, high, SOURCE * wanted, SMALLEST_PX)
    taken = Rect(0, 0, *plain.size).around(row.box for row in plain.rows)
    return replace(plain, panels=_panel(small, taken, free, fonts))


def _in_place(
    sign: SignTranslated,
    text: Paragraph,
    lines: tuple[Points, ...],
    place: tuple[tuple[float, float], Rect],
    rooms: tuple[Room, Room | None],
    fonts: Measures,
) -> Design:
    """The translation over the lines; for columns the way that gives the larger letters."""
    (size, frame), (free, paper) = place, rooms
    if not (sign.vertical and size[1] > COLUMN * size[0]):
        return Design(size, False, lines, fit(text, frame, free, fonts, paper), (), text.line_height)
    if sign.target.split("-")[0] in _STACKED:
        return Design(size, False, lines, stack(text, frame, fonts), (), text.line_height)
    across = fit(text, frame, free, fonts, paper)
    width, height = size
    along_lines = tuple(np.column_stack([line[:, 1], width - line[:, 0]]) for line in lines)
    turned_free = Room(free.top, free.right, free.bottom, free.left)
    along = fit(text, Rect(frame.left, 0, height - frame.left, width), turned_free, fonts)
    if _size(across) >= 0.6 * _size(along):  # people read across, even in smaller letters
        return Design(size, False, lines, across, (), text.line_height)
    return Design((height, width), True, along_lines, along, (), text.line_height)


def _clear_of(others: Sequence[Rect], size: tuple[float, float], high: float) -> Rect:
    """Where the words go: the box without the room at its ends, and without what other signs cover of its edges."""
    aside = min((1 - FILLED) / 2 * high, size[0] / 4)
    top, bottom = 0.0, size[1]
    for other in others:
        if other.left < size[0] - aside and other.right > aside:
            if other.top < 0 < other.bottom:
                top = max(top, min(other.bottom, 0.3 * size[1]))
            elif other.top < size[1] < other.bottom:
                bottom = min(bottom, max(other.top, 0.7 * size[1]))
    return Rect(aside, top, size[0] - aside, bottom)


def _panel(text: Paragraph, frame: Rect, free: Room, fonts: Measures) -> tuple[Panel, ...]:
    pad = 0.28 * text.largest
    rows = below(text, frame, free, fonts, pad + max(2.0, GAP * text.line_height))
    return (Panel(rows, rows[0].box.around(row.box for row in rows).grown(pad)),) if rows else ()


def _own_lines(sign: SignTranslated, size: tuple[float, float]) -> tuple[Points, ...]:
    """The lines of the original in the sign's own frame."""
    own = to_own(sign.box, size)
    return tuple(mapped(own, line) for line in (sign.lines or (sign.box,)))


def _line_height(sign: SignTranslated, lines: tuple[Points, ...]) -> float:
    sides = [size_of(_corners(line)) for line in lines]
    across = [width if sign.vertical else min(height, 2 * width) for width, height in sides]  # no letter is narrower
    return float(np.median(across))


def _core(box: Corners) -> Points:
    """A box without the room that text detection leaves above and below the letters."""
    points = np.asarray(box, np.float64)
    opposite = points[::-1]  # the other end of each upright side
    return points + (opposite - points) * (1 - FILLED) / 2


def _pitch(sign: SignTranslated, lines: tuple[Points, ...]) -> float:
    """From one line of the original to the next, pixels; 0 for a single one and for columns."""
    if len(lines) < 2 or sign.vertical:  # noqa: PLR2004 - two make a distance
        return 0.0
    middles = np.sort([line[:, 1].mean() for line in lines])
    return float(np.median(np.diff(middles)))


def _crowding(box: Corners, size: tuple[float, float], others: Sequence[Corners]) -> float:
    """The most height of a single line for its letters not to touch those of the signs above and below, pixels."""
    own = to_own(box, size)
    least = FAR
    for other in others:
        near = bounds(mapped(own, other))
        if near.left < size[0] and near.right > 0 and near.height < 2 * size[1]:
            apart = abs((near.top + near.bottom - size[1]) / 2)
            least = min(least, apart if apart > 0.3 * size[1] else FAR)
    return least * CROWDED


def _letter_size(sign: SignTranslated, high: float, fonts: Measures) -> float:
    """The size of font that has letters as high as the original: capitals fill less of it than tall small letters."""
    above, low = (0.0, 0.0) if sign.vertical else fonts.extent(clean(sign.text), REFERENCE)
    share = (above + low) / REFERENCE
    return FILLED * high / (share if share > 0.3 else 1.0)  # noqa: PLR2004 - less is but a dash


def _corners(points: Points) -> Corners:
    first, second, third, fourth = ((float(x), float(y)) for x, y in points)
    return first, second, third, fourth


def _align(lines: tuple[Points, ...], others: Sequence[Corners], box: Corners, high: float) -> Align:
    """As the original: lines that begin on one edge but do not share their middle, also with the signs around."""
    spans = [bounds(line) for line in lines]
    if len(spans) == 1:
        own = to_own(box, size_of(box))
        near = [bounds(mapped(own, other)) for other in others]
        spans += [s for s in near if 0.6 * high < s.height < 1.7 * high and -2.2 * high < s.top < 2.2 * high]
    if len(spans) == 1:
        return "centre"
    begins = np.array([span.left for span in spans])
    middles = np.array([(span.left + span.right) / 2 for span in spans])
    if len(lines) == 1:
        together = (np.abs(begins - begins[0]) < 0.3 * high) & (np.abs(middles - middles[0]) > 0.8 * high)
        return "start" if together[1:].any() else "centre"
    ragged, off = float(begins.max() - begins.min()), float(middles.max() - middles.min())
    long = float(np.mean([span.width for span in spans])) > RUNNING * high
    even = ragged < 0.6 * high and off < 0.4 * high and len(lines) > 3 and long  # noqa: PLR2004 - more than a title
    return "start" if even or (ragged < 0.6 * high and off > 0.5 * high) else "centre"


def _size(rows: tuple[Row, ...]) -> int:
    return rows[0].size if rows else 0


def placed(overlay: Overlay, made: Design) -> Corners:
    """The corners of the design's frame in the picture."""
    return turned(overlay.box) if made.turned else overlay.box
