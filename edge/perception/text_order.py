"""The order in which blocks of text are read: the picture is cut at its widest gaps, again and again (XY cut).

After Nagy and Seth, "Hierarchical representation of optically scanned documents" (1984). A cut between columns
puts the left part first (the right part for vertical Chinese and Japanese), one between rows the upper part. Where
both can be made, horizontal text is cut into rows: a dish and its price are read together.
"""

from __future__ import annotations

from collections.abc import Sequence

from edge.results import Quad

_SHRINK = 0.15


def reading_order(boxes: Sequence[Quad], right_to_left: bool = False) -> list[int]:
    """Indices of `boxes` in reading order.

    Args:
        boxes: corners in pixels.
        right_to_left: the right column is read first.
    """
    return _ordered(list(range(len(boxes))), [_Box.around(box) for box in boxes], right_to_left)


class _Box(tuple[float, float, float, float]):
    """Left, top, right, bottom, drawn in a little so that boxes that touch can be cut apart."""

    __slots__ = ()

    @classmethod
    def around(cls, quad: Quad) -> _Box:
        xs, ys = [x for x, _ in quad], [y for _, y in quad]
        left, top, right, bottom = min(xs), min(ys), max(xs), max(ys)
        draw_in = _SHRINK * min(right - left, bottom - top)
        return cls((left + draw_in, top + draw_in, right - draw_in, bottom - draw_in))


def _ordered(members: list[int], boxes: Sequence[_Box], right_to_left: bool) -> list[int]:
    if len(members) < 2:  # noqa: PLR2004 - one has no order
        return members
    column_gap, column_cut = _widest_gap([(boxes[index][0], boxes[index][2]) for index in members])
    row_gap, row_cut = _widest_gap([(boxes[index][1], boxes[index][3]) for index in members])
    if row_gap <= 0 and column_gap <= 0:
        return sorted(members, key=lambda index: (boxes[index][1], boxes[index][0]))
    columns = column_gap > 0 and (row_gap <= 0 or right_to_left)
    axis, cut = (0, column_cut) if columns else (1, row_cut)
    first = [index for index in members if boxes[index][axis] < cut]
    last = [index for index in members if boxes[index][axis] >= cut]
    if columns and right_to_left:
        first, last = last, first
    return _ordered(first, boxes, right_to_left) + _ordered(last, boxes, right_to_left)


def _widest_gap(spans: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Width of the widest stretch that no span covers, and where it ends; (0, 0) when there is none."""
    widest, cut, reached = 0.0, 0.0, None
    for start, end in sorted(spans):
        if reached is not None and start - reached > widest:
            widest, cut = start - reached, start
        reached = end if reached is None else max(reached, end)
    return widest, cut
