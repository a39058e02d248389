"""Lines of text to regions: what belongs together, in the order in which it is read.

A pure function of boxes and words. Two lines belong together when they are written alike (height, direction), lie
one below the other with little room between, are aligned at one side or in the middle, and when the words do not
say that an entry has ended (`text_continuation`). Vertical lines are the same thing turned: their "next line"
stands on the left. Menus, lists and price columns stay separate entries.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from edge.perception.text_continuation import Link, is_unspaced, join, link, scripts_agree, shared_letters
from edge.perception.text_order import reading_order
from edge.results import Point, Quad, Region, TextLine

_MAX_TURN = math.radians(12)
_MAX_TURN_SHORT = math.radians(25)
_SHORT = 2.5
_SAME_ROW_DROP = 0.4
_ROW_GAP = 0.9
_ROW_GAP_NUMBER = 0.45
_MIN_OVERLAP = 0.5
_MAX_SINK = -0.7
_ALIGNED = 1.0
# How far apart (in line heights) and how unlike in height lines may be, by what the words say.
_GAP = {Link.SURE: 1.1, Link.OPEN: 0.95, Link.LOOSE: 0.4}
_HEIGHTS = {Link.SURE: 1.6, Link.OPEN: 1.4, Link.LOOSE: 1.25}
_ROW_HEIGHTS = 1.5
_SHARED = 0.2
_PRICE = re.compile(r"\d[.,]\d\d\s*(?:[€£$¥]|[A-Z]{2,3})?$")
_MENU = 2  # entries with a price
# Cheap look before the exact one: heights to the next line's centre, and how much a line may tilt against another.
_NEAR = 3.0
_TILT = 0.25


@dataclass(frozen=True)
class _Row:
    """Pieces of text on one line, as (along, across) coordinates of the direction `angle`.

    Attributes:
        pieces: in the order in which they are read.
        angle: direction of reading, radians, clockwise from the right.
        size: height of the letters, pixels.
        length: pixels along the direction.
        text: the pieces joined.
        middle: its centre, pixels.
        priced: a number stands on the same line further on, as in a menu: the entry ends there.
        begins: an entry of a menu begins here: what stands above is its heading, or another entry.
    """

    pieces: tuple[TextLine, ...]
    angle: float
    size: float
    length: float
    text: str
    middle: Point
    priced: bool = False
    begins: bool = False

    @property
    def vertical(self) -> bool:
        return self.pieces[0].vertical

    def offset(self, other: _Row) -> tuple[float, float]:
        """From this centre to the other one: pixels along and across the direction of this row."""
        right, down = other.middle[0] - self.middle[0], other.middle[1] - self.middle[1]
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return right * cos + down * sin, down * cos - right * sin


@dataclass(frozen=True)
class _Span:
    """Extent of a row in the frame of another direction."""

    start: float
    end: float
    top: float
    bottom: float

    @property
    def middle(self) -> float:
        return (self.start + self.end) / 2


def group(lines: Iterable[TextLine]) -> tuple[Region, ...]:
    """Join lines into regions.

    Args:
        lines: in any order; those without text are left out.

    Returns:
        Regions in reading order. Colours are the defaults of `Region`: see `sign_colors`.
    """
    pieces = [_row((line,)) for line in lines if line.text.strip()]
    rows = [_row(tuple(row.pieces[0] for row in chain)) for chain in _chains(pieces, _distance_in_row)]
    rows = [replace(row, priced=any(_prices(other, row) for other in rows)) for row in rows]
    menu = sum(_ends_in_price(row.text) for row in rows) >= _MENU
    rows = [replace(row, begins=menu and _ends_in_price(row.text) and row.text[:1].isupper()) for row in rows]
    regions = [_region(block) for block in _chains(rows, _distance_below)]
    order = reading_order([region.box for region in regions], _mostly_vertical(regions))
    return tuple(regions[index] for index in order)


def region_of(lines: Sequence[TextLine]) -> Region:
    """One region of lines in reading order, at least one; its box, text and confidence."""
    return _region([_row((line,)) for line in lines])


def turned_box(quads: Sequence[Quad], angle: float, *, vertical: bool = False) -> Quad:
    """The smallest rectangle around `quads` whose text runs at `angle`; corners as in `results.Quad`.

    Args:
        quads: at least one.
        angle: direction of reading, radians, clockwise from the right.
        vertical: the text runs from top to bottom; `angle` is then a quarter turn for an upright sign.
    """
    spans = [_project(quad, angle) for quad in quads]
    start, end = min(span.start for span in spans), max(span.end for span in spans)
    top, bottom = min(span.top for span in spans), max(span.bottom for span in spans)
    cos, sin = math.cos(angle), math.sin(angle)
    corners = [
        (round(along * cos - across * sin, 2), round(along * sin + across * cos, 2))
        for along, across in ((start, top), (end, top), (end, bottom), (start, bottom))
    ]
    if vertical:  # "across" runs to the left, so that the first corner read is the top right one
        corners = [corners[3], corners[0], corners[1], corners[2]]
    return (corners[0], corners[1], corners[2], corners[3])


def _chains(rows: Sequence[_Row], distance: Callable[[_Row, _Row], float]) -> list[list[_Row]]:
    """Rows strung together where each is the other's nearest neighbour by `distance(first, next)`."""
    next_of: dict[int, int] = {}
    claimed: dict[int, tuple[float, int]] = {}
    for first, row in enumerate(rows):
        distances = ((distance(row, other), second) for second, other in enumerate(rows) if second != first)
        away, second = min(distances, default=(math.inf, -1))
        rival_away, rival = claimed.get(second, (math.inf, -1))
        if away < rival_away:
            next_of.pop(rival, None)
            claimed[second] = (away, first)
            next_of[first] = second
    chains: list[list[_Row]] = []
    used: set[int] = set()
    for start in [*(set(range(len(rows))) - set(claimed)), *claimed]:  # a ring, if there were one, has no start
        chain: list[_Row] = []
        at: int | None = start
        while at is not None and at not in used:
            used.add(at)
            chain.append(rows[at])
            at = next_of.get(at)
        chains += [chain] if chain else []
    return chains


def _ends_in_price(text: str) -> bool:
    return _PRICE.search(text) is not None


def _prices(number: _Row, entry: _Row) -> bool:
    """Whether `number` stands on the line of `entry` and further on."""
    if not any(map(str.isalpha, entry.text)) or any(map(str.isalpha, number.text)) or len(number.text) == 1:
        return False
    along, across = entry.offset(number)
    return along > 0 and abs(across) <= _SAME_ROW_DROP * entry.size + _TILT * along


def _distance_in_row(first: _Row, second: _Row) -> float:
    """Gap between pieces of one line in pixels, `second` behind `first`; infinite where they are none."""
    along, across = first.offset(second)
    if along <= 0 or abs(across) > first.size + _TILT * along or not _alike(first, second, _ROW_HEIGHTS):
        return math.inf
    if not scripts_agree(first.text, second.text):
        return math.inf
    size = (first.size + second.size) / 2
    one, two = _spans(first, second)
    gap = two.start - one.end
    is_number = not (any(map(str.isalpha, first.text)) and any(map(str.isalpha, second.text)))
    if two.middle <= one.middle or gap < -size or gap > size * (_ROW_GAP_NUMBER if is_number else _ROW_GAP):
        return math.inf
    drop = abs((one.top + one.bottom) - (two.top + two.bottom)) / 2
    return max(gap, 0.0) + drop if drop <= _SAME_ROW_DROP * size else math.inf


def _distance_below(first: _Row, second: _Row) -> float:
    """Gap between a line and the one that continues it in pixels; infinite where it does not."""
    along, across = first.offset(second)
    near = 0 < across + _TILT * abs(along) < _NEAR * first.size + 2 * _TILT * abs(along)
    if first.priced or second.begins or not near or not _alike(first, second, _HEIGHTS[Link.SURE]):
        return math.inf
    size = (first.size + second.size) / 2
    one, two = _spans(first, second)
    gap = two.top - one.bottom
    if not (_MAX_SINK * size <= gap <= _GAP[Link.SURE] * size) or two.top + two.bottom <= one.top + one.bottom:
        return math.inf
    shared = min(one.end, two.end) - max(one.start, two.start)
    if shared < _MIN_OVERLAP * min(first.length, second.length):
        return math.inf
    said = link(first.text, second.text)
    if said is Link.NONE or gap > _GAP[said] * size or not _alike(first, second, _HEIGHTS[said]):
        return math.inf
    return gap - _MAX_SINK * size if said is Link.SURE or _aligned(one, two, size, first, second) else math.inf


def _aligned(one: _Span, two: _Span, size: float, first: _Row, second: _Row) -> bool:
    """At one side or in the middle; a line of a script without spaces breaks only where it is full."""
    slack = _ALIGNED * size
    middle = abs(one.middle - two.middle) <= slack
    if is_unspaced(first.text) and is_unspaced(second.text):
        return middle or (abs(one.start - two.start) <= slack and one.end >= two.end - slack)
    return middle or abs(one.start - two.start) <= slack or abs(one.end - two.end) <= slack


def _alike(first: _Row, second: _Row, ratio: float) -> bool:
    if first.vertical != second.vertical:
        return False
    if max(first.size, second.size) > ratio * min(first.size, second.size):
        return False
    short = min(first.length / first.size, second.length / second.size) < _SHORT
    turn = abs(math.remainder(first.angle - second.angle, math.tau))
    return turn <= (_MAX_TURN_SHORT if short else _MAX_TURN)


def _row(pieces: tuple[TextLine, ...]) -> _Row:
    """Measure a row; corners of a vertical line are those of the upright column."""
    along = across = size = 0.0
    for piece in pieces:
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = piece.box
        right, down = (bx - ax + cx - dx) / 2, (by - ay + cy - dy) / 2
        if piece.vertical:
            right, down = (dx - ax + cx - bx) / 2, (dy - ay + cy - by) / 2
            size += (math.dist(piece.box[0], piece.box[1]) + math.dist(piece.box[3], piece.box[2])) / 2
        else:
            size += (math.dist(piece.box[0], piece.box[3]) + math.dist(piece.box[1], piece.box[2])) / 2
        along, across = along + right, across + down
    angle = math.atan2(across, along)
    spans = [_project(piece.box, angle) for piece in pieces]
    length = max(span.end for span in spans) - min(span.start for span in spans)
    text = _row_text(pieces, spans, size / len(pieces))
    corners = [corner for piece in pieces for corner in piece.box]
    middle = (sum(x for x, _ in corners) / len(corners), sum(y for _, y in corners) / len(corners))
    return _Row(pieces, angle, max(size / len(pieces), 1.0), max(length, 1.0), text, middle)


def _row_text(pieces: Sequence[TextLine], spans: Sequence[_Span], size: float) -> str:
    """The pieces joined; letters that two overlapping pieces share are written once (`NO LIT`, `ITTER`)."""
    text = pieces[0].text
    for piece, before, span in zip(pieces[1:], spans, spans[1:], strict=False):
        shared = (before.end - span.start) / max(size, 1.0)
        common = shared_letters(text, piece.text) if shared > _SHARED else 0
        text = text + piece.text[common:] if common else join([text, piece.text])
    return text


def _spans(first: _Row, second: _Row) -> tuple[_Span, _Span]:
    """Extents of two rows along and across the direction of the longer one."""
    angle = first.angle if first.length >= second.length else second.angle
    return _extent(first, angle), _extent(second, angle)


def _extent(row: _Row, angle: float) -> _Span:
    spans = [_project(piece.box, angle) for piece in row.pieces]
    return _Span(
        min(span.start for span in spans), max(span.end for span in spans),
        min(span.top for span in spans), max(span.bottom for span in spans),
    )  # fmt: skip


def _project(quad: Quad, angle: float) -> _Span:
    cos, sin = math.cos(angle), math.sin(angle)
    along = [x * cos + y * sin for x, y in quad]
    across = [y * cos - x * sin for x, y in quad]
    return _Span(min(along), max(along), min(across), max(across))


def _region(rows: Sequence[_Row]) -> Region:
    lines = tuple(piece for row in rows for piece in row.pieces)
    weights = [len(line.text) for line in lines]
    confidence = sum(line.confidence * weight for line, weight in zip(lines, weights, strict=True)) / sum(weights)
    turn = sum(math.remainder(row.angle - rows[0].angle, math.tau) * row.length for row in rows)
    angle = rows[0].angle + turn / sum(row.length for row in rows)
    box = turned_box([line.box for line in lines], angle, vertical=rows[0].vertical)
    return Region(lines, box, join([row.text for row in rows]), round(confidence, 4))


def _mostly_vertical(regions: Sequence[Region]) -> bool:
    return 2 * sum(region.vertical for region in regions) > len(regions)
