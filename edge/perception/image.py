"""Pictures before a model sees them."""

from __future__ import annotations

from edge.media import Image


def fit(image: Image, max_side: int) -> tuple[Image, float]:
    """The picture made smaller, so that its longer side has at most `max_side` pixels; never larger.

    Args:
        image: uint8 [height, width, 3].
        max_side: pixels, at least 1.

    Returns:
        The picture, the same array when it fits already, and what its coordinates were multiplied by.
    """
    height, width = image.shape[:2]
    if max_side < 1:
        raise ValueError("max_side must be at least 1")
    scale = max_side / max(height, width)
    if scale >= 1:
        return image, 1.0
    import cv2

    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    smaller: Image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return smaller, scale
