"""Several readings of one place: the best is kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edge.results import Quad, TextLine

_SAME = 0.4
_DOUBT = 0.45


def best_lines(*looks: Sequence[TextLine]) -> list[TextLine]:
    """The lines of several looks at one picture; where two looks saw the same, the one that says most, most surely.

    Two lines are the same when they share 40 % of the smaller one. Lines of one look are never the same: the boxes of
    tight lines overlap.

    Args:
        looks: the lines of each look.

    Returns:
        Lines from top to bottom.
    """
    ranked = sorted(
        ((line, look) for look, lines in enumerate(looks) for line in lines), key=lambda one: -worth(one[0])
    )
    kept: list[tuple[TextLine, int, float]] = []
    for line, look in ranked:
        area = _area(line.box)
        rivals = ((other.box, min(area, size)) for other, origin, size in kept if origin != look)
        if all(shared_area(line.box, box) < _SAME * smaller for box, smaller in rivals):
            kept.append((line, look, area))
    return sorted((line for line, _, _ in kept), key=lambda line: (line.box[0][1], line.box[0][0]))


def worth(line: TextLine) -> float:
    """How much a reading says: its letters, weighed by how much surer they are than a guess."""
    return sum(character.isalnum() for character in line.text) * (line.confidence - _DOUBT)


def shared_area(one: Quad, other: Quad) -> float:
    """The area that two convex quadrilaterals share, square pixels."""
    import cv2

    first, second = _points(one), _points(other)
    if (first.max(axis=0) < second.min(axis=0)).any() or (second.max(axis=0) < first.min(axis=0)).any():
        return 0.0
    area, _ = cv2.intersectConvexConvex(first, second)
    return float(area)


def _area(quad: Quad) -> float:
    import cv2

    return float(cv2.contourArea(_points(quad)))


def _points(quad: Quad) -> npt.NDArray[np.float32]:
    return np.array(quad, np.float32)
