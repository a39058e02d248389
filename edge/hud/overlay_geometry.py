"""Corners of signs, and the rectangles they are when looked at straight on.

A sign's own frame has its first corner at (0, 0) and is as wide and high as the means of its opposite sides. The
homography between four corners and four others is solved from its eight linear equations (Hartley and Zisserman,
Multiple View Geometry, section 4.1, with h33 = 1).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.events import Corners

Matrix = npt.NDArray[np.float64]
"""float64 [3, 3] homography."""

Points = npt.NDArray[np.float64]
"""float64 [n, 2]: x, y."""

OVERLAP = 0.45
"""Boxes of neighbouring lines overlap by up to so much of their height: they still stand above one another."""
FAR = 1e6
"""Pixels; more than any picture has."""


@dataclass(frozen=True)
class Rect:
    """A rectangle in a sign's own frame, pixels."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Pixels."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Pixels."""
        return self.bottom - self.top

    @property
    def corners(self) -> Points:
        """float64 [4, 2], from the top left clockwise."""
        return np.array(
            [(self.left, self.top), (self.right, self.top), (self.right, self.bottom), (self.left, self.bottom)]
        )

    def grown(self, by: float) -> Rect:
        """The same with `by` pixels more on every side."""
        return Rect(self.left - by, self.top - by, self.right + by, self.bottom + by)

    def around(self, others: Iterable[Rect]) -> Rect:
        """The smallest one that holds this and `others`."""
        every = [self, *others]
        return Rect(
            min(r.left for r in every),
            min(r.top for r in every),
            max(r.right for r in every),
            max(r.bottom for r in every),
        )


@dataclass(frozen=True)
class Room:
    """Free pixels on each side of a sign, in its own frame."""

    left: float
    top: float
    right: float
    bottom: float

    def within(self, other: Room) -> Room:
        """The smaller on each side."""
        return Room(
            min(self.left, other.left),
            min(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        )

    def at_most(self, across: float, down: float) -> Room:
        """No more than so many pixels to the sides, and above and below."""
        return Room(min(self.left, across), min(self.top, down), min(self.right, across), min(self.bottom, down))


def size_of(box: Corners) -> tuple[float, float]:
    """Width and height of a sign seen straight on, pixels; at least 1."""
    points = np.asarray(box, np.float64)
    sides = np.linalg.norm(points - np.roll(points, -1, axis=0), axis=1)
    return max(1.0, float(sides[0] + sides[2]) / 2), max(1.0, float(sides[1] + sides[3]) / 2)


def turned(box: Corners) -> Corners:
    """The same corners for text that runs from top to bottom, its head to the right."""
    return (box[1], box[2], box[3], box[0])


def homography(source: npt.ArrayLike, target: npt.ArrayLike) -> Matrix:
    """What maps the four points `source` onto `target`, both [4, 2]; the identity where three lie on one line."""
    equations, values = np.zeros((8, 8)), np.asarray(target, np.float64).reshape(8)
    for n, ((x, y), (u, v)) in enumerate(zip(np.asarray(source, float), np.asarray(target, float), strict=True)):
        equations[2 * n] = (x, y, 1, 0, 0, 0, -u * x, -u * y)
        equations[2 * n + 1] = (0, 0, 0, x, y, 1, -v * x, -v * y)
    try:
        solved = np.linalg.solve(equations, values)
    except np.linalg.LinAlgError:
        return np.eye(3)
    return np.append(solved, 1.0).reshape(3, 3)


def from_own(box: Corners, size: tuple[float, float]) -> Matrix:
    """What maps a sign's own frame of `size` (width, height) to its corners in the picture."""
    return homography(Rect(0, 0, *size).corners, box)


def to_own(box: Corners, size: tuple[float, float]) -> Matrix:
    """What maps the picture to a sign's own frame of `size` (width, height)."""
    return homography(box, Rect(0, 0, *size).corners)


def from_grid(frame: Rect, scale: float) -> Matrix:
    """What maps whole pixels, counted at their middle, of a picture of `frame` at `scale` to the own frame."""
    return np.array(
        [[1 / scale, 0, frame.left + 0.5 / scale], [0, 1 / scale, frame.top + 0.5 / scale], [0, 0, 1]], np.float64
    )


def shifted(by: float) -> Matrix:
    """What moves points by as many pixels to the right and down."""
    return np.array([[1, 0, by], [0, 1, by], [0, 0, 1]], np.float64)


def mapped(matrix: Matrix, points: npt.ArrayLike) -> Points:
    """`points` [n, 2] through a homography, float64 [n, 2]."""
    given = np.asarray(points, np.float64)
    lifted = np.column_stack([given, np.ones(len(given))]) @ matrix.T
    depth = np.where(np.abs(lifted[:, 2:]) < 1e-9, 1e-9, lifted[:, 2:])  # noqa: PLR2004 - at the horizon
    straight: Points = lifted[:, :2] / depth
    return straight


def bounds(points: Points) -> Rect:
    """The upright rectangle around `points` [n, 2]."""
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    return Rect(float(left), float(top), float(right), float(bottom))


def room(box: Corners, others: Sequence[Corners], picture: tuple[int, int]) -> Room:
    """How far the sign at `box` may grow before it meets another sign or the edge of the picture.

    Args:
        box: corners in the picture.
        others: corners of the other signs.
        picture: width and height of the picture, pixels.

    Returns:
        Pixels in the sign's own frame; half of what lies between two signs.
    """
    width, height = size_of(box)
    own = to_own(box, (width, height))
    left, top, right, bottom = _to_edges(box, picture)
    for other in others:
        near = bounds(mapped(own, other))
        slack = OVERLAP * min(height, near.height)
        if near.top < height - slack and near.bottom > slack:
            if near.left + near.right > width:
                right = min(right, (near.left - width) / 2)
            else:
                left = min(left, -near.right / 2)
        elif near.left < width and near.right > 0:
            if near.top + near.bottom > height:
                bottom = min(bottom, (near.top - height) / 2)
            else:
                top = min(top, -near.bottom / 2)
    return Room(max(0.0, left), max(0.0, top), max(0.0, right), max(0.0, bottom))


def _to_edges(box: Corners, picture: tuple[int, int]) -> tuple[float, float, float, float]:
    """Pixels from the corners of each side (left, top, right, bottom) outwards to the edge of the picture."""
    corners = np.asarray(box, np.float64)
    right, down = corners[1] - corners[0], corners[3] - corners[0]
    ways = (-right, -down, right, down)
    sides = (corners[[0, 3]], corners[[0, 1]], corners[[1, 2]], corners[[3, 2]])
    found = []
    for way, side in zip(ways, sides, strict=True):
        unit = way / max(1e-9, float(np.linalg.norm(way)))
        found.append(min(_to_edge(point, unit, picture) for point in side))
    return found[0], found[1], found[2], found[3]


def _to_edge(point: Points, unit: Points, picture: tuple[int, int]) -> float:
    """Pixels from `point` along the direction `unit` to where the picture ends; 0 outside of it."""
    reach = FAR
    for at, step, size in zip(point, unit, picture, strict=True):
        if step > 1e-6:  # noqa: PLR2004 - along this axis
            reach = min(reach, (size - at) / step)
        elif step < -1e-6:  # noqa: PLR2004 - the other way
            reach = min(reach, -at / step)
    return max(0.0, float(reach))
