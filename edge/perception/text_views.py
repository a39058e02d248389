"""The ways in which one detected place may be read: as it is, with more contrast, upside down, sideways, stacked."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np

from edge.media import Image
from edge.perception.text_geometry import Corners, crop_line, sides, turn
from edge.perception.text_recognition import LINE_HEIGHT

_TALL = 1.5
_TURNED_BELOW = 0.85
_RARE = 0.12
_STACKED = 0.05
_SEARCH = 0.2


@dataclass(frozen=True)
class View:
    """A place as one line of text.

    Attributes:
        corners: float32 [4, 2], the first is where the text begins in this view.
        crop: uint8 [48, w, 3].
        handicap: how much surer a reading of this view must be than that of another to win.
        vertical: the crop's characters stand below each other in the picture.
    """

    corners: Corners = field(repr=False)
    crop: Image = field(repr=False)
    handicap: float = 0.0
    vertical: bool = False


def first_view(image: Image, corners: Corners) -> View:
    """The likeliest view: a wide place as it is, a tall one from its foot upwards."""
    if _is_tall(corners):
        corners = turn(corners, 3)
    return View(corners, crop_line(image, corners, LINE_HEIGHT))


def other_views(image: Image, corners: Corners, first: View, confidence: float) -> list[View]:
    """What else is worth trying when the first view was read with `confidence`."""
    views = [View(first.corners, stretched(first.crop))]
    if _is_tall(corners):
        down = turn(corners, 1)
        views += [
            View(down, crop_line(image, down, LINE_HEIGHT)),
            View(corners, stacked(image, corners), _STACKED, True),
        ]
    elif confidence < _TURNED_BELOW:
        views.append(View(turn(corners, 2), np.ascontiguousarray(first.crop[::-1, ::-1]), _RARE))
    return views


def stretched(crop: Image) -> Image:
    """A crop with its darkest and brightest 2 % made black and white, and all between in proportion."""
    low, high = np.percentile(crop, (2, 98))
    return np.asarray(np.clip((crop - low) * (255.0 / max(high - low, 1.0)), 0, 255), np.uint8)


def stacked(image: Image, corners: Corners) -> Image:
    """A column of characters as a line: cut between the characters, the pieces side by side.

    The column is cut into as many pieces as it has squares, each cut at the calmest row nearby.

    Args:
        image: uint8 [h, w, 3].
        corners: of the column, the first at its top left.

    Returns:
        uint8 [48, 48 x pieces, 3].
    """
    import cv2

    column = np.rot90(crop_line(image, turn(corners, 1), LINE_HEIGHT), -1)
    height = len(column)
    count = max(1, round(height / LINE_HEIGHT))
    calm = column.astype(np.float32).std(axis=(1, 2))
    reach = max(1, round(_SEARCH * height / count))
    cuts = [0]
    for number in range(1, count):
        low = number * height // count - reach
        cuts.append(low + int(np.argmin(calm[low : low + 2 * reach])))
    cuts.append(height)
    pieces = [column[top:bottom] for top, bottom in itertools.pairwise(cuts)]
    size = (LINE_HEIGHT, LINE_HEIGHT)
    return np.hstack([cv2.resize(np.ascontiguousarray(piece), size, interpolation=cv2.INTER_AREA) for piece in pieces])


def _is_tall(corners: Corners) -> bool:
    across, down = sides(corners)
    return down > across * _TALL
