"""Whether the camera still shows what was read, moved but a little: then there is nothing new to look for.

A head trembles, and a camera comes to rest in small steps; every one of them ends the stillness of the picture, but
not what stands in it. A small grey picture is kept of a view that was read thoroughly. A later picture shows the same
when the kept one, moved by the similarity transform that fits best, differs from it by no more than noise.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge.media import Image
from edge.perception.motion import DIFFERENT, Grey, shift_of, similarity, small_grey

_MAX_SHIFT = 0.04  # of the width, by the corner that moved most: as much of the picture may be new
_MAX_CHANGE = 0.0015  # share of the small picture; text of 12 x 4 of its pixels is as much
_AROUND = np.ones((3, 3), np.uint8)


class KnownView:
    """Remembers one view. `shows` takes about 3 ms."""

    def __init__(self) -> None:
        self._kept: Grey | None = None

    def keep(self, image: Image) -> None:
        """This picture has been read.

        Args:
            image: uint8 [height, width, 3], BGR.
        """
        self._kept = small_grey(image)[0]

    def forget(self) -> None:
        """Nothing is known."""
        self._kept = None

    def shows(self, image: Image) -> bool:
        """Whether a picture shows the view that is kept, moved by a little at most; what changed in it counts.

        Args:
            image: uint8 [height, width, 3], BGR.
        """
        kept, now = self._kept, small_grey(image)[0]
        if kept is None or kept.shape != now.shape:
            return False
        if change(kept, now) <= _MAX_CHANGE:
            return True
        matrix = similarity(kept, now)
        if matrix is None or shift_of(matrix, now.shape) > _MAX_SHIFT:
            return False
        return change(kept, now, matrix) <= _MAX_CHANGE


def change(kept: Grey, now: Grey, matrix: npt.NDArray[np.float64] | None = None) -> float:
    """Share of the pixels that both pictures show which differ by more than noise; exposure is evened out.

    Args:
        kept: uint8 [h, w].
        now: the same.
        matrix: float64 [2, 3], from pixels of `kept` to pixels of `now`; None: they show the same place.
    """
    import cv2

    moved, both = kept, np.full(kept.shape, 255, np.uint8)
    if matrix is not None:
        size = (kept.shape[1], kept.shape[0])
        moved = np.asarray(cv2.warpAffine(kept, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)
        both = np.asarray(cv2.warpAffine(both, matrix, size), np.uint8)
        both = np.asarray(cv2.erode(both, _AROUND, borderValue=0), np.uint8) // 255 * 255
    gain = cv2.mean(now, both)[0] - cv2.mean(moved, both)[0]
    even = cv2.add(moved, np.full(1, gain, np.float64)) if abs(gain) >= 1 else moved
    different = (cv2.absdiff(even, now) > DIFFERENT).astype(np.uint8) & both
    return cv2.countNonZero(cv2.erode(different, _AROUND)) / max(1, cv2.countNonZero(both))
