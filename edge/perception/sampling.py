"""Every n-th pixel of a picture: what is enough of it before it is made small."""

from __future__ import annotations

import numpy as np

from edge.media import Image


def sampled(image: Image, step: int) -> Image:
    """Every `step`-th row and column, the same pixels as `image[::step, ::step]`.

    That slice is no memory OpenCV can read, so it would be copied pixel by pixel; the nearest neighbour of a resize
    picks the same ones in a quarter of the time or less.

    Args:
        image: uint8 [h, w, 3].
        step: at least 1.

    Returns:
        uint8 [ceil(h / step), ceil(w / step), 3]; may share memory with `image`.
    """
    if step == 1 or image.shape[1] % step:
        return image[::step, ::step]
    import cv2

    rows = image[::step]
    size = (image.shape[1] // step, rows.shape[0])
    return np.asarray(cv2.resize(rows, size, interpolation=cv2.INTER_NEAREST), np.uint8)
