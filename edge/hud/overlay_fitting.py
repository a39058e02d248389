"""The translation of a sign set into the sign's own rectangle: size, lines, alignment. Pure, given a font measure.

All coordinates are pixels in the sign's own frame (see `overlay_geometry`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, Protocol

from edge.hud.bidi import is_rtl
from edge.hud.breaking import clean, pieces
from edge.hud.overlay_geometry import Rect, Room
from edge.hud.wrapping import clip, shorten, wrap

Align = Literal["centre", "start"]

REFERENCE = 32
"""Text is measured at this size and the width scaled: the search for a size then measures every piece once."""
CAPITAL = 0.76
"""Height of capitals: what stands above it (accents) is not counted when a line is centred."""
LEADING = 1.16
SMALLER = 0.65
"""Before a word is broken, letters may be so much smaller than legible."""
NOWHERE = Room(0, 0, 0, 0)
PANEL_LINES = 4
"""Lines beside a sign, at most."""
GAP = 0.12
"""Space between a sign and what is written below it, times the height of its lines."""


class Measures(Protocol):
    """What fitting needs of `fonts.Fonts`."""

    def measure(self, text: str, size: int) -> float:
        """Width of one line, pixels."""

    def extent(self, text: str, size: int) -> tuple[float, float]:
        """Ink above and below the baseline, pixels."""

    def missing(self, text: str) -> str:
        """Characters that no font has."""


@dataclass(frozen=True)
class Row:
    """One line of text: its middle, or where its `align` says its beginning or end, stands at `x`.

    Attributes:
        text: in logical order.
        x: pixels.
        baseline: pixels.
        size: of the font, pixels.
        anchor: share of the width that lies left of `x`: 0, 0.5 or 1.
        rtl: whether it runs from right to left.
        box: what it covers.
    """

    text: str
    x: float
    baseline: float
    size: int
    anchor: float
    rtl: bool
    box: Rect


@dataclass(frozen=True)
class Paragraph:
    """What is to be set.

    Attributes:
        text: the words.
        language: their code.
        line_height: height of the original's lines, pixels.
        wanted: size of the letters where there is room for it, pixels.
        legible: smallest size of letters, pixels.
        align: where the lines stand.
        lines: how many it should have at most; None: as many as it takes.
        pitch: from one line of the original to the next, pixels; kept where there is room.
    """

    text: str
    language: str
    line_height: float
    wanted: float
    legible: int
    align: Align = "centre"
    lines: int | None = None
    pitch: float = 0.0

    @property
    def rtl(self) -> bool:
        """Whether it runs from right to left."""
        return is_rtl(self.text, self.language)

    @property
    def largest(self) -> int:
        """The largest size of its letters, pixels."""
        return max(self.legible, round(self.wanted))


@dataclass(frozen=True)
class Setting:
    """Lines at one size. `step` from baseline to baseline; `above` and `below`: reach of the first and last line."""

    lines: tuple[str, ...]
    size: int
    step: float
    above: float
    below: float

    @property
    def height(self) -> float:
        """Pixels from the top of the first line to the bottom of the last one."""
        return (len(self.lines) - 1) * self.step + self.above + self.below


def fit(paragraph: Paragraph, frame: Rect, room: Room, fonts: Measures, paper: Room | None = None) -> tuple[Row, ...]:
    """The largest setting of `paragraph` that fits `frame`, which grows a little where the words need it.

    It grows first over the paper of the sign, then a little beyond, and further only for words to be legible.

    Args:
        paragraph: what to set.
        frame: where.
        room: how far the text may leave `frame`, at most.
        fonts: measures.
        paper: how far the sign is known to reach beyond `frame`; None: unknown.

    Returns:
        Lines; the last one ends in an ellipsis where even the smallest legible letters do not fit.
    """
    text = clean(paragraph.text)
    if not text:
        return ()
    height, start = paragraph.line_height, frame
    found: Setting | None = None
    for step in _steps(paragraph, frame, room, paper):
        frame = start.around([_wider(start, step.by, paragraph)])
        modest = replace(paragraph, wanted=step.share * paragraph.wanted)
        tried = _largest(text, modest, frame, fonts, step.lines)
        found = tried if found is None or (tried is not None and tried.size > found.size) else found
        if found is not None and found.size >= step.enough * paragraph.largest:
            break
    if found is None:
        frame = frame.around([_wider(start, room.at_most(2 * height, 1.5 * height), paragraph)])
        if not _whole_words(text, frame.width, paragraph.legible, fonts):
            paragraph = replace(paragraph, legible=max(1, round(SMALLER * paragraph.legible)))
        found = _largest(text, paragraph, frame, fonts) or _cut(text, paragraph, frame, fonts)
    if len(found.lines) > 1:
        free = (max(start.height, found.height) - found.above - found.below) / (len(found.lines) - 1)
        found = replace(found, step=max(found.step, min(paragraph.pitch, free)))
    middle = (start.top + start.bottom - found.height) / 2
    top = max(frame.top, min(middle, frame.bottom - found.height)) if found.height < frame.height else frame.top
    return _placed(found, paragraph, replace(frame, top=top, bottom=top + found.height), fonts)


@dataclass(frozen=True)
class _Step:
    """One way to make room: grow `by`, in at most `lines`, up to a `share` of the wanted size; stop at `enough`."""

    by: Room
    lines: int | None
    share: float
    enough: float


def _steps(paragraph: Paragraph, frame: Rect, room: Room, paper: Room | None) -> tuple[_Step, ...]:
    """What is tried, one after another, so that text changes as little as possible in size, lines and place."""
    beyond = room.at_most(max(0.4 * paragraph.line_height, 0.12 * frame.width), 0.35 * paragraph.line_height)
    over = NOWHERE if paper is None else room.within(paper)
    sides = replace(over, top=0.0, bottom=0.0)
    return (
        _Step(NOWHERE, paragraph.lines, 1.0, 0.9),
        _Step(sides, paragraph.lines, 0.9, 0.55),
        _Step(NOWHERE, None, 0.9, 0.7),
        _Step(over, None, 0.7, 0.55),
        _Step(beyond, None, 0.55, 0.0),
    )


def below(paragraph: Paragraph, frame: Rect, room: Room, fonts: Measures, gap: float) -> tuple[Row, ...]:
    """`paragraph` set at its largest size under `frame`, or above it where there is more room; at most four lines."""
    text = clean(paragraph.text)
    centred = replace(paragraph, align="centre")
    wide = _wider(frame, room.at_most(3 * paragraph.line_height, 0), centred)
    high = paragraph.largest * LEADING * PANEL_LINES
    setting = _largest(text, centred, Rect(0, 0, wide.width, high), fonts) if text else None
    if setting is None or len(setting.lines) > PANEL_LINES:
        setting = _few_lines(text, paragraph.legible, wide.width, fonts)
    if not setting.lines:
        return ()
    up = room.bottom < setting.height + gap and room.top > room.bottom
    top = frame.top - gap - setting.height if up else frame.bottom + gap
    return _placed(setting, centred, Rect(wide.left, top, wide.right, top + setting.height), fonts)


def _few_lines(text: str, size: int, width: float, fonts: Measures) -> Setting:
    """At most `PANEL_LINES` lines at one size."""
    of = partial(_width, fonts, size)
    return _setting(clip(wrap(text, width, of), PANEL_LINES, width, of), size, fonts)


def _wider(frame: Rect, by: Room, paragraph: Paragraph) -> Rect:
    """`frame` grown: evenly where the text is centred, at its open end where it is not."""
    across = min(by.left, by.right)
    left = right = across
    if paragraph.align == "start":
        left, right = (by.left, 0.0) if paragraph.rtl else (0.0, by.right)
    return Rect(frame.left - left, frame.top - by.top, frame.right + right, frame.bottom + by.bottom)


def _largest(text: str, paragraph: Paragraph, frame: Rect, fonts: Measures, lines: int | None = None) -> Setting | None:
    """The largest setting that fits, in at most so many lines; None if not even the legible one does."""
    low, high = paragraph.legible, paragraph.largest
    best: Setting | None = None
    while low <= high:
        middle = (low + high) // 2
        setting = _fitting(text, frame, middle, fonts)
        if setting is None or (lines is not None and len(setting.lines) > lines):
            high = middle - 1
        else:
            best, low = setting, middle + 1
    return best


def _fitting(text: str, frame: Rect, size: int, fonts: Measures) -> Setting | None:
    """The text at one size, if no word is broken and all lines fit."""
    if not _whole_words(text, frame.width, size, fonts):
        return None
    setting = _setting(wrap(text, frame.width, partial(_width, fonts, size)), size, fonts)
    return setting if setting.height <= max(frame.height, size) else None


def _cut(text: str, paragraph: Paragraph, frame: Rect, fonts: Measures) -> Setting:
    """The text at the smallest size, with what does not fit left out."""
    size = paragraph.legible
    of = partial(_width, fonts, size)
    count = max(1, int(frame.height / (LEADING * size)))
    lines = clip(wrap(text, frame.width, of), count, frame.width, of)
    return _setting([shorten(line, frame.width, of) for line in lines], size, fonts)


def _whole_words(text: str, width: float, size: int, fonts: Measures) -> bool:
    return all(_width(fonts, size, piece.rstrip()) <= width for piece in pieces(text))


def _setting(lines: Sequence[str], size: int, fonts: Measures) -> Setting:
    reach = [_reach(line, size, fonts) for line in lines] or [(0.0, 0.0)]
    tallest = max((above + low for above, low in reach), default=0.0)
    step = max(LEADING * size, tallest + 0.04 * size)
    return Setting(tuple(lines), size, step, min(reach[0][0], CAPITAL * size), reach[-1][1])


def _reach(line: str, size: int, fonts: Measures) -> tuple[float, float]:
    above, low = fonts.extent(line, REFERENCE)
    return above * size / REFERENCE, low * size / REFERENCE


def _placed(setting: Setting, paragraph: Paragraph, frame: Rect, fonts: Measures) -> tuple[Row, ...]:
    """The lines of a setting in the middle of `frame`, from top to bottom."""
    rows = []
    anchor = 0.5 if paragraph.align == "centre" else float(paragraph.rtl)
    x = frame.left + anchor * frame.width
    baseline = (frame.top + frame.bottom - setting.height) / 2 + setting.above
    for line in setting.lines:
        width = _width(fonts, setting.size, line)
        above, low = _reach(line, setting.size, fonts)
        box = Rect(x - anchor * width, baseline - above, x + (1 - anchor) * width, baseline + low)
        rows.append(Row(line, x, baseline, setting.size, anchor, paragraph.rtl, box))
        baseline += setting.step
    return tuple(rows)


def _width(fonts: Measures, size: int, text: str) -> float:
    return fonts.measure(text, REFERENCE) * size / REFERENCE
