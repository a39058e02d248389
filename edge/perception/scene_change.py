"""Whether the camera shows something new: a cheap look before the dear one.

Pictures are compared as thumbnails whose mean brightness is taken away, each cell with the range of those around it,
so that noise, a slightly shaking head and automatic exposure are no change, and a cup put on the table is one.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from edge.media import Image
from edge.perception.sampling import sampled

View = Literal["same", "moving", "new"]

COLUMNS, ROWS = 32, 18
"""Cells of a thumbnail."""

_MOST_SAMPLES = 320  # columns of the picture that are averaged; more tell nothing more
_CHANGED = 8.0  # levels (0..255) by which some cells of a picture differ that shows something else
_SOME_CELLS = 0.95  # quantile
_MOVING = 20.0  # mean difference of two frames in a row: the camera swings, and what it sees is blurred
_LEAST_CONTRAST = 3.0  # standard deviation of a colour below which there is nothing to see

_AROUND = np.ones((3, 3), np.uint8)

Thumbnail = npt.NDArray[np.float32]


class SceneGate:
    """Judges frame after frame against the one that was looked at last."""

    def __init__(self) -> None:
        self._kept: Thumbnail | None = None
        self._last: Thumbnail | None = None

    def see(self, image: Image) -> View:
        """What `image` shows: the `same` as the frame kept last, something `new`, or a blur of a `moving` camera.

        Args:
            image: BGR uint8 [h, w, 3] of any size.
        """
        before, self._last = self._last, thumbnail(image)
        if before is not None and motion(before, self._last) > _MOVING:
            return "moving"
        if self._kept is not None and change(self._kept, self._last) <= _CHANGED:
            return "same"
        return "new"

    def keep(self) -> None:
        """The frame seen last is now the one to compare with."""
        self._kept = self._last


def thumbnail(image: Image) -> Thumbnail:
    """Means of the cells, float32 [ROWS, COLUMNS, 3], 0..255."""
    import cv2

    step = max(1, image.shape[1] // _MOST_SAMPLES)
    small = cv2.resize(sampled(image, step), (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


def motion(one: Thumbnail, other: Thumbnail) -> float:
    """Mean absolute difference of two thumbnails when both are equally bright on average, 0..255."""
    return float(np.abs((one - one.mean()) - (other - other.mean())).mean())


def change(one: Thumbnail, other: Thumbnail) -> float:
    """How far the cells that changed most lie outside the range of the cells around their place, 0..255."""
    level_one, level_other = one - one.mean(), other - other.mean()
    return max(_outside(level_one, level_other), _outside(level_other, level_one))


def _outside(one: Thumbnail, other: Thumbnail) -> float:
    import cv2

    # Least and largest of 3 x 3 cells; edges count once more. As sliding windows of numpy this took ten times as long.
    least = cv2.erode(one, _AROUND, borderType=cv2.BORDER_REPLICATE)
    most = cv2.dilate(one, _AROUND, borderType=cv2.BORDER_REPLICATE)
    distance = np.maximum(least - other, other - most)
    return float(np.quantile(distance.max(axis=2).clip(0), _SOME_CELLS))


def is_blank(image: Image) -> bool:
    """Whether a picture shows nothing: black, white or one colour, as a covered or dead camera gives it."""
    return float(thumbnail(image).std(axis=(0, 1)).max()) < _LEAST_CONTRAST
