"""Is what a live camera delivers worth looking at? Black, frozen and torn pictures, told from the pixels alone.

Cheap enough for every frame: a grid of a few thousand pixels is looked at, and of the rest only the last row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.media import NS_PER_S, Image, VideoFrame
from edge.settings import CameraSettings

_GRID = 48  # samples across the longer side
_DARK = 24  # of 255; the noise of a covered sensor stays below
_BRIGHT_SHARE = 0.02  # of a black picture may be brighter: hot pixels, a light leak
_EVEN = 2  # of 255: how much pixels differ in the part that a decoder filled in
_EDGE = 8  # of 255: by how much such a part differs from the picture above it, at least
_BLOCK = 16  # rows that JPEG decodes together, at most
_TORN_SHARE = 0.04  # of the height; less is not worth a missed frame
_SETTLE_NS = NS_PER_S  # what stays for so long is no damage, it is how this camera's pictures look

BLACK = "delivers black pictures; check the lens cover"
FROZEN = "delivers the same picture over and over; unplug it and plug it in again"
TORN = "delivers torn pictures; check its cable, or ask for a smaller size in the settings: camera.width, camera.height"


@dataclass(frozen=True)
class Verdict:
    """What is to be done with a frame.

    Attributes:
        usable: whether anyone should see it.
        trouble: what is wrong with the camera for longer than a moment, as the end of a sentence that begins with
            its name; None when all is well.
    """

    usable: bool = True
    trouble: str | None = None


class CameraHealth:
    """Judges the frames of one live camera, one after the other.

    Args:
        settings: for how long something must be wrong before it is told.
        frozen_s: instead of that of the settings. A codec that sends what changed (H.264 over RTSP) repeats a quiet
            scene exactly from one key frame to the next.

    Attributes:
        torn: frames that were not usable.
    """

    def __init__(self, settings: CameraSettings, frozen_s: float | None = None) -> None:
        self.torn = 0
        self._black_ns = int(settings.black_s * NS_PER_S)
        self._frozen_ns = int((frozen_s or settings.frozen_s) * NS_PER_S)
        self.reset()

    def reset(self) -> None:
        """Begin anew: the camera was opened again."""
        self._trouble: str | None = None
        self._shape: tuple[int, ...] | None = None
        self._band = 0
        self._odd: tuple[tuple[int, ...], int] | None = None
        self._odd_since_ns = 0
        self._torn_since_ns: int | None = None
        self._black_since_ns: int | None = None
        self._grid: Image | None = None
        self._same_since_ns = 0

    def examine(self, frame: VideoFrame) -> Verdict:
        """Judge the next frame. Frames come in order of their time."""
        if self._is_torn(frame):
            self.torn += 1
            if self._torn_since_ns is None:
                self._torn_since_ns = frame.captured_ns
            lasting = frame.captured_ns - self._torn_since_ns >= self._black_ns
            return Verdict(usable=False, trouble=TORN if lasting else self._trouble)
        self._torn_since_ns = None
        height, width = frame.image.shape[:2]
        step = max(1, max(height, width) // _GRID)
        grid = frame.image[step // 2 :: step, step // 2 :: step].copy()
        black, frozen = self._is_black(grid, frame.captured_ns), self._is_frozen(grid, frame.captured_ns)
        self._trouble = BLACK if black else FROZEN if frozen else None
        return Verdict(trouble=self._trouble)

    def _is_torn(self, frame: VideoFrame) -> bool:
        """A size that it did not have, or an end that was not filled with a picture, and neither for long."""
        look = frame.image.shape, filled_rows(frame.image)
        fits = look[0] == self._shape and look[1] <= max(self._band, _TORN_SHARE * frame.image.shape[0])
        if not fits and self._shape is not None:
            if look != self._odd:
                self._odd, self._odd_since_ns = look, frame.captured_ns
            if frame.captured_ns - self._odd_since_ns < _SETTLE_NS:
                return True
        if not fits:
            self._shape, self._band = look
        self._odd = None
        return False

    def _is_black(self, grid: Image, now_ns: int) -> bool:
        if np.count_nonzero(grid > _DARK) > _BRIGHT_SHARE * grid.size:
            self._black_since_ns = None
            return False
        if self._black_since_ns is None:
            self._black_since_ns = now_ns
        return now_ns - self._black_since_ns >= self._black_ns

    def _is_frozen(self, grid: Image, now_ns: int) -> bool:
        """The same for long; of what is all black or all white a sensor may well give the same."""
        lifelike = bool(((grid > 0) & (grid < 255)).any())  # noqa: PLR2004 - darkest and brightest value
        if not lifelike or self._grid is None or not np.array_equal(grid, self._grid):
            self._grid, self._same_since_ns = grid, now_ns
        return now_ns - self._same_since_ns >= self._frozen_ns


def filled_rows(image: Image) -> int:
    """Rows at the lower end that a decoder filled in because their data never came; 0 for a whole picture.

    JPEG decoders fill with one colour (grey: all coefficients 0), which no sensor does: a real part without any
    noise is black or overexposed. The picture ends there with an edge.

    Args:
        image: uint8 [height, width, 3].
    """
    last = image[-1].astype(np.int16)
    colour = np.median(last, axis=0)
    if np.abs(last - colour).max() > _EVEN or (colour <= _EVEN).all() or (colour >= 255 - _EVEN).all():
        return 0
    samples = image[::-1, :: max(1, image.shape[1] // _GRID)].astype(np.int16)  # from below
    even = (np.abs(samples - colour) <= _EVEN).all(axis=(1, 2))
    rows = int(np.argmin(even))
    above = np.abs(samples[rows : rows + 2 * _BLOCK] - colour).mean(axis=(1, 2))  # the first block may be half-filled
    return rows if above.max() >= _EDGE else 0
