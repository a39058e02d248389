"""Corners of text lines: their order, their growth, and the upright picture of what they hold."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge.media import Image
from edge.results import Quad

Corners = npt.NDArray[np.float32]
"""float32 [4, 2]: x, y of the four corners in pixels, in the order of `Quad`."""

_SMALLEST_SIDE = 1.0
_WIDEST = 2400


def order_corners(points: npt.ArrayLike) -> Corners:
    """The four corners of a rectangle so that its upper long edge comes first, from left to right.

    A rectangle taller than wide keeps its upright order: its first edge is the short one at the top.

    Args:
        points: [4, 2], neighbours next to each other, any start and direction.
    """
    corners = np.asarray(points, np.float32).reshape(4, 2)
    around = corners - corners.mean(axis=0)
    corners = corners[np.argsort(np.arctan2(around[:, 1], around[:, 0]), kind="stable")]
    # Clockwise on the screen now. The top edge is the one that points most to the right.
    edges = np.roll(corners, -1, axis=0) - corners
    lengths = np.maximum(np.hypot(edges[:, 0], edges[:, 1]), _SMALLEST_SIDE)
    first = int(np.argmax(edges[:, 0] / lengths))
    return np.roll(corners, -first, axis=0)


def sides(corners: Corners) -> tuple[float, float]:
    """Length of the top edge and of the left edge in pixels (the longer of each opposite pair)."""
    edges = np.roll(corners, -1, axis=0) - corners
    top, right, bottom, left = np.hypot(edges[:, 0], edges[:, 1]).tolist()
    return max(top, bottom), max(left, right)


def expand(corners: Corners, distance: float) -> Corners:
    """A rectangle with every edge moved outwards by `distance` pixels (inwards when negative)."""
    along = _unit(corners[1] - corners[0] + corners[2] - corners[3])
    down = _unit(corners[3] - corners[0] + corners[2] - corners[1])
    steps = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32) * distance
    return np.asarray(corners + steps[:, :1] * along + steps[:, 1:] * down, np.float32)


def turn(corners: Corners, quarters: int) -> Corners:
    """The same rectangle when what it holds begins `quarters` corners further clockwise."""
    return np.roll(corners, -quarters, axis=0)


def crop_line(image: Image, corners: Corners, height: int) -> Image:
    """The line cut out and straightened to `height` pixels, its width in proportion.

    Where the line is larger than that, pixels are averaged first, so that nothing aliases.

    Args:
        image: uint8 [h, w, 3].
        corners: of the line; they may lie outside the picture, whose border is then repeated.
        height: pixels of the result.

    Returns:
        uint8 [height, width, 3], width 1 to 2,400: longer lines are squeezed.
    """
    import cv2

    across, down = (max(side, _SMALLEST_SIDE) for side in sides(corners))
    width = min(max(1, round(across * height / down)), _WIDEST)
    shrink = max(1, int(down / height))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) * shrink
    matrix = cv2.getPerspectiveTransform(np.ascontiguousarray(corners, np.float32), target)
    line = cv2.warpPerspective(
        image, matrix, (width * shrink, height * shrink), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    if shrink > 1:
        line = cv2.resize(line, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(line, np.uint8)


def as_quad(corners: Corners) -> Quad:
    """The corners as plain numbers."""
    a, b, c, d = ((float(x), float(y)) for x, y in corners)
    return a, b, c, d


def _unit(vector: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(vector / max(float(np.hypot(*vector)), _SMALLEST_SIDE), np.float32)
