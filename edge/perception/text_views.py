"""The ways in which one detected place may be read: as it is, with more contrast, upside down, sideways, stacked."""

from __future__ import annotations

import itertools
import unicodedata
from dataclasses import dataclass, field, replace

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
        column: of a tall place: its upright corners, for text that runs from top to bottom.
        stacked: the crop's characters stand below each other in the picture, whatever they are.
    """

    corners: Corners = field(repr=False)
    crop: Image = field(repr=False)
    handicap: float = 0.0
    column: Corners | None = field(default=None, repr=False)
    stacked: bool = False


def first_view(image: Image, corners: Corners) -> View:
    """The likeliest view: a wide place as it is, a tall one from its top downwards.

    The recogniser was trained on columns of Chinese and Japanese turned like that, so it reads those, too.
    """
    if not _is_tall(corners):
        return View(corners, crop_line(image, corners, LINE_HEIGHT))
    down = turn(corners, 1)
    return View(down, crop_line(image, down, LINE_HEIGHT), column=corners)


def other_views(image: Image, corners: Corners, first: View, confidence: float) -> list[View]:
    """What else is worth trying when the first view was read with `confidence`."""
    views = [replace(first, crop=stretched(first.crop))]
    if first.column is not None:
        up = turn(corners, 3)
        views.append(View(up, crop_line(image, up, LINE_HEIGHT)))
        views.append(View(first.corners, stacked(image, corners), _STACKED, column=corners, stacked=True))
    elif confidence < _TURNED_BELOW:
        views.append(View(turn(corners, 2), np.ascontiguousarray(first.crop[::-1, ::-1]), _RARE))
    return views


def placed(view: View, text: str) -> tuple[Corners, bool]:
    """Where a text that was read in a view begins, and whether it runs from top to bottom."""
    wide = [unicodedata.east_asian_width(character) == "W" for character in text if character.isalnum()]
    if view.column is not None and (view.stacked or 2 * sum(wide) > len(wide)):
        return view.column, True
    return view.corners, False


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
