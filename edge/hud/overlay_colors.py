"""Colours of drawn signs: how well ink stands out from paper, and paper without the letters on it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edge.media import Image

Color = tuple[int, int, int]
Floats = npt.NDArray[np.float32]

CONTRAST = 4.5
"""Least ratio of luminances for text (WCAG 2.2, success criterion 1.4.3)."""
_LUMINANCE = np.array([0.0722, 0.7152, 0.2126])
_NEAR = 70.0
"""Differences from the colour of the paper, 0..255, that light and shade may make."""
_SHADES = (0.45, 1.4)
"""How much darker or lighter than sampled the paper may be."""
_INKY, _INKY_AROUND = 0.15, 0.6
"""A pixel so far on the way from paper to ink belongs to a letter, among the lines and around them."""
_ENOUGH = 0.04
"""Share of pixels that must be paper for its course to be sampled."""


def luminance(colors: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Relative luminance 0..1 of colours [..., 3] (blue, green, red: 0..255), as WCAG 2.2 defines it."""
    share = np.asarray(colors, np.float64) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)  # noqa: PLR2004 - sRGB
    light: npt.NDArray[np.float64] = linear @ _LUMINANCE
    return light


def contrast(ink: npt.ArrayLike, paper: npt.ArrayLike) -> float:
    """The ratio of luminances, 1 to 21, of a colour and the least distinct of `paper` [..., 3]."""
    letters, ground = float(luminance(ink)) + 0.05, luminance(paper) + 0.05
    return float(np.maximum(letters / ground, ground / letters).min())


def readable(ink: Color, papers: npt.ArrayLike) -> Color:
    """`ink`, moved towards black or white as little as it takes to reach `CONTRAST` on all `papers` [n, 3].

    Where neither reaches it (paper both bright and dark) the better of the two.
    """
    if contrast(ink, papers) >= CONTRAST:
        return ink
    ends = sorted(((0, 0, 0), (255, 255, 255)), key=lambda end: contrast(end, papers), reverse=True)
    own = float(luminance(ink))
    ground = float(np.median(luminance(papers)))
    wanted = (255, 255, 255) if own > ground else (0, 0, 0)
    end = wanted if contrast(wanted, papers) >= CONTRAST else ends[0]
    for share in np.linspace(0.1, 1, 19):
        blue, green, red = (round(a + (b - a) * float(share)) for a, b in zip(ink, end, strict=True))
        if contrast((blue, green, red), papers) >= CONTRAST:
            return blue, green, red
    return end


def even(paper: Floats, ink: Color) -> tuple[Floats, Color]:
    """A course of paper [h, w, 3] on which some ink is readable everywhere: flattened where it is too uneven.

    Returns:
        The paper, and the ink moved as far as it must be.
    """
    middle = np.median(paper.reshape(-1, 3), axis=0).astype(np.float32)
    for share in (1.0, 0.5, 0.25):
        flatter = middle + (paper - middle) * np.float32(share)
        ends = _extremes(flatter)
        found = readable(ink, ends)
        if contrast(found, ends) >= CONTRAST:
            return flatter, found
    return np.broadcast_to(middle, paper.shape).copy(), readable(ink, middle[None])


def _extremes(paper: Floats) -> Floats:
    """Colours [3, 3] of the darkest, the middle and the brightest of the paper."""
    flat = paper.reshape(-1, 3)
    order = np.argsort(flat @ _LUMINANCE.astype(np.float32))
    return flat[order[[len(order) // 100, len(order) // 2, len(order) - 1 - len(order) // 100]]]


def paper_course(view: Image, letters: npt.NDArray[np.bool_], ink: Color, paper: Color) -> Floats:
    """The surface of a sign as it would look without writing: smooth, with its light and shade.

    Pixels that look like paper keep their colour; the rest is filled from around by a pull-push pyramid (Gortler
    et al., The Lumigraph, SIGGRAPH 1996, section 3.4.2), and all is smoothed.

    Args:
        view: uint8 [h, w, 3] BGR, the sign and some pixels around it, seen straight on, in few pixels.
        letters: bool [h, w], where the lines of text are.
        ink: colour of the letters.
        paper: colour behind them.

    Returns:
        float32 [h, w, 3], 0..255; of one colour where too little of the paper can be seen.
    """
    import cv2

    seen = view.astype(np.float32)
    flat = np.broadcast_to(np.asarray(paper, np.float32), seen.shape).copy()
    weight = _paperness(seen, letters, ink, paper)
    if weight.mean() < _ENOUGH:
        return flat
    filled = _pull_push(seen, weight, flat, cv2)
    blurred: Floats = cv2.GaussianBlur(filled, (0, 0), max(1.0, min(seen.shape[:2]) * 0.06))
    return np.clip(blurred, 0, 255)


def _paperness(seen: Floats, letters: npt.NDArray[np.bool_], ink: Color, paper: Color) -> Floats:
    """0..1 for each pixel: how much it may say about the paper. Around the lines, paper may be in the shade.

    Pixels beside others that are no paper count as little as those: they are half ink.
    """
    ground = np.asarray(paper, np.float32)
    towards = np.asarray(ink, np.float32) - ground
    apart = seen - ground
    light = np.clip((seen @ ground) / max(1.0, float(ground @ ground)), *_SHADES)
    shaded = np.abs(seen - light[..., None] * ground).max(axis=2)
    far = np.where(letters, np.abs(apart).max(axis=2), np.minimum(np.abs(apart).max(axis=2), 1.5 * shaded))
    weight = np.clip(2 - far / (_NEAR / 2), 0, 1)
    length = float(towards @ towards)
    if length > 1:
        inky = (apart @ towards) / length
        weight[inky > np.where(letters, _INKY, _INKY_AROUND)] = 0
    import cv2

    return np.asarray(cv2.erode(weight.astype(np.float32), np.ones((3, 3), np.uint8)), np.float32)


def _pull_push(colors: Floats, weight: Floats, coarsest: Floats, cv2: Any) -> Floats:
    """Colours where there is weight, and between them what lies around."""
    height, width = weight.shape
    if height <= 2 or width <= 2:  # noqa: PLR2004 - the top of the pyramid
        total = float(weight.sum())
        if total < 0.05:  # noqa: PLR2004 - nothing was seen
            return coarsest
        mean = (colors * weight[..., None]).sum(axis=(0, 1)) / total
        return np.broadcast_to(mean.astype(np.float32), colors.shape)
    half = ((width + 1) // 2, (height + 1) // 2)
    small_weight = cv2.resize(weight, half, interpolation=cv2.INTER_AREA)
    small = cv2.resize(colors * weight[..., None], half, interpolation=cv2.INTER_AREA)
    small /= np.maximum(small_weight, 1e-6)[..., None]
    below = _pull_push(small, np.minimum(small_weight * 2, 1), coarsest[: half[1], : half[0]], cv2)
    around = cv2.resize(np.ascontiguousarray(below), (width, height), interpolation=cv2.INTER_LINEAR)
    share = weight[..., None]
    return np.asarray(colors * share + around * (1 - share), np.float32)
