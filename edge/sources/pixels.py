"""Pixels as drivers and files give them, as the BGR uint8 that everything else expects."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edge.errors import SourceError
from edge.media import Image


def to_bgr(pixels: npt.NDArray[Any]) -> Image:
    """Any frame of a camera as uint8 [height, width, 3], BGR; what is that already is passed on without a copy.

    Args:
        pixels: [height, width], [height, width, 1], [.., 3] BGR or [.., 4] BGR and something that is left out; uint8,
            or wider numbers as in `to_8_bit`.

    Raises:
        SourceError: no picture: another shape, or no pixels at all.
    """
    if pixels.ndim not in {2, 3} or pixels.size == 0 or (pixels.ndim == 3 and pixels.shape[2] not in {1, 3, 4}):  # noqa: PLR2004 - dimensions
        raise SourceError(f"a frame of shape {pixels.shape} is no picture; choose another camera mode or driver")
    if pixels.dtype != np.uint8:
        pixels = to_8_bit(pixels)
    if pixels.ndim == 2:  # noqa: PLR2004 - grey: height and width
        pixels = pixels[:, :, None]
    if pixels.shape[2] == 1:
        return np.repeat(pixels, 3, axis=2)
    return np.ascontiguousarray(pixels[:, :, :3])


def to_8_bit(values: npt.NDArray[Any]) -> Image:
    """Wider numbers as uint8, the same shape: 16 bits keep their upper 8; others the scale that their values span.

    That is 0..1 (floats only), 0..255, 0..65535 or 0..largest, whichever is the first to hold them all; what is
    negative or no number is 0.
    """
    if values.dtype == np.uint16:
        return (values >> 8).astype(np.uint8)
    exact = np.nan_to_num(values.astype(np.float64), posinf=0, neginf=0)
    top = float(exact.max(initial=0))
    scales = (1.0, 255.0, 65_535.0) if values.dtype.kind == "f" else (255.0, 65_535.0)
    scale = next((scale for scale in scales if top <= scale), top)
    return np.clip(exact * (255.0 / scale), 0, 255).round().astype(np.uint8)
