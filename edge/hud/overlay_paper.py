"""The surface of a sign: how it looks without the letters, and how far it reaches around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.events import Corners
from edge.hud.overlay_colors import Color, Floats
from edge.hud.overlay_geometry import Points, Rect, Room, from_grid, from_own, shifted
from edge.media import Image

VIEW_PX = 128
"""Longest side of the view of a sign from which its surface is sampled."""
_NEAR = 70.0
"""Differences from the colour of the paper, 0..255, that light and shade may make."""
_SHADES = (0.45, 1.4)
"""How much darker or lighter than sampled the paper may be."""
_INKY, _INKY_AROUND = 0.15, 0.6
"""A pixel so far on the way from paper to ink belongs to a letter, among the lines and around them."""
_LETTERS_AT_RIM = 0.4
"""The rim of a line that is so far on the way from paper to ink may be covered by letters."""
_FIELD, _PLAIN = 0.6, 0.4
"""It is a field of its own if so much of it, and of what is around it, is alike; a rim of which less is alike tells
nothing."""
_EDGE = 0.08
"""The rim of a line begins so far inside of its box, and is as thick; times the height of the line."""
_ENOUGH = 0.04
"""Share of pixels that must be paper for its course to be sampled."""
_SMOOTH = 0.04
"""How far colours are mixed, times the shorter side of the view."""
_MOSTLY = 0.7
"""Share of a row or column of pixels that must be paper for the sign to reach there."""
_REACH = 1.5
"""How far the paper around a sign is followed, times the height of its lines."""

Masks = Sequence[npt.NDArray[np.uint8]]


def straightened(picture: Image, box: Corners, size: tuple[float, float], frame: Rect) -> tuple[Image, float]:
    """A small view of a sign, seen straight on.

    Args:
        picture: uint8 [height, width, 3] BGR; outside of it its edge goes on.
        box: corners of the sign in it.
        size: width and height of the sign's own frame.
        frame: what to see of that frame.

    Returns:
        uint8 [h, w, 3], and its pixels for each pixel of the frame.
    """
    import cv2

    scale = min(1.0, VIEW_PX / max(frame.width, frame.height))
    shape = max(4, round(frame.width * scale)), max(4, round(frame.height * scale))
    matrix = shifted(-0.5) @ from_own(box, size) @ from_grid(frame, scale)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpPerspective(picture, matrix, shape, flags=flags, borderMode=cv2.BORDER_REPLICATE), scale


def line_masks(lines: Sequence[Points], frame: Rect, scale: float, shape: tuple[int, int]) -> Masks:
    """Where each line is in a view of (height, width): uint8, 1 inside."""
    import cv2

    masks = []
    for line in lines:
        mask = np.zeros(shape, np.uint8)
        at = (line - (frame.left, frame.top)) * scale - 0.5
        masks.append(cv2.fillConvexPoly(mask, np.round(at).astype(np.int32), 1))
    return masks


def paper_course(view: Image, lines: Masks, high: float, ink: Color, paper: Color) -> Floats:
    """The surface of a sign as it would look without writing: smooth, with its light and shade and its fields.

    Pixels that look like paper keep their colour; the rest is filled from around by a pull-push pyramid (Gortler
    et al., The Lumigraph, SIGGRAPH 1996, section 3.4.2), and all is smoothed.

    Args:
        view: uint8 [h, w, 3] BGR, the sign and some pixels around it, seen straight on, in few pixels.
        lines: uint8 [h, w] each, where the lines of text are.
        high: height of a line, pixels of the view.
        ink: colour of the letters.
        paper: colour behind them.

    Returns:
        float32 [h, w, 3], 0..255; of one colour where too little of the paper can be seen.
    """
    import cv2

    seen = view.astype(np.float32)
    flat = np.broadcast_to(np.asarray(paper, np.float32), seen.shape).copy()
    letters = np.zeros(seen.shape[:2], bool)
    for line in lines:
        letters |= line.astype(bool)
    weight = _paperness(seen, letters, ink, _local_paper(seen, lines, high, (ink, paper), cv2))
    weight = cv2.erode(weight, np.ones((3, 3), np.uint8))  # pixels beside letters are half ink
    if weight.mean() < _ENOUGH:
        return flat
    filled = _pull_push(seen, weight, flat, cv2)
    blurred: Floats = cv2.GaussianBlur(filled, (0, 0), max(1.0, min(seen.shape[:2]) * _SMOOTH))
    return np.clip(blurred, 0, 255)


def paper_room(picture: Image, box: Corners, size: tuple[float, float], high: float, paper: Color) -> Room:
    """How far the paper of a sign reaches beyond its box, at most one and a half lines.

    Args:
        picture: uint8 [height, width, 3] BGR.
        box: corners of the sign in it.
        size: width and height of the sign's own frame.
        high: height of its lines.
        paper: its colour.
    """
    frame = Rect(0, 0, *size).grown(_REACH * high)
    view, scale = straightened(picture, box, size, frame)
    like = np.abs(view.astype(np.float32) - np.asarray(paper, np.float32)).max(axis=2) < _NEAR / 2
    reach = max(1, round(_REACH * high * scale))
    if min(like.shape) <= 2 * reach:
        return Room(0, 0, 0, 0)
    rows, columns = like[reach:-reach].mean(axis=0), like[:, reach:-reach].mean(axis=1)
    ends = (rows[:reach][::-1], columns[:reach][::-1], rows[-reach:], columns[-reach:])
    left, top, right, bottom = (max(0.0, _run(end) / scale - 0.15 * high) for end in ends)
    return Room(left, top, right, bottom)


def _run(shares: Floats) -> int:
    """How many of `shares`, from the first, say that there is paper."""
    ends = np.flatnonzero(shares < _MOSTLY)
    return int(ends[0]) if len(ends) else len(shares)


def _local_paper(seen: Floats, lines: Masks, high: float, colors: tuple[Color, Color], cv2: Any) -> Floats:
    """The colour of the paper for each pixel: around a line that of its rim, as a sign may have several fields."""
    ink, paper = (np.asarray(color, np.float32) for color in colors)
    ground = np.broadcast_to(paper, seen.shape).copy()
    thick = max(1, round(_EDGE * high))
    for line in lines:
        inside = [line.astype(bool), *(_eroded(line, n * thick, cv2) for n in (1, 2))]
        outside = cv2.dilate(line, np.ones((2 * thick + 3, 2 * thick + 3), np.uint8)).astype(bool) & ~inside[0]
        for rim in (inside[1] & ~inside[2], inside[0] & ~inside[1]):
            if not rim.any():
                continue
            color = np.median(seen[rim], axis=0)
            inky = float((color - paper) @ (ink - paper)) / max(1.0, float((ink - paper) @ (ink - paper)))
            shares = _alike(seen[rim], color), _alike(seen[outside], color)
            if (shares[0] > _PLAIN and inky < _LETTERS_AT_RIM) or (shares[0] > _FIELD and shares[1] > _PLAIN):
                ground[cv2.dilate(line, np.ones((3, 3), np.uint8)).astype(bool)] = color
                break
    return ground


def _alike(pixels: Floats, color: Floats) -> float:
    """The share of pixels [n, 3] that have about this colour; 0 of none."""
    return float((np.abs(pixels - color).max(axis=1) < _NEAR / 2).mean()) if len(pixels) else 0.0


def _eroded(mask: npt.NDArray[np.uint8], by: int, cv2: Any) -> npt.NDArray[np.bool_]:
    return np.asarray(cv2.erode(mask, np.ones((2 * by + 1, 2 * by + 1), np.uint8)), bool)


def _paperness(seen: Floats, letters: npt.NDArray[np.bool_], ink: Color, ground: Floats) -> Floats:
    """0..1 for each pixel: how much it may say about the paper. Around the lines, paper may be in the shade."""
    towards = np.asarray(ink, np.float32) - ground
    apart = seen - ground
    light = np.clip((seen * ground).sum(axis=2) / np.maximum(1.0, (ground * ground).sum(axis=2)), *_SHADES)
    shaded = np.abs(seen - light[..., None] * ground).max(axis=2)
    plain = np.abs(apart).max(axis=2)
    far = np.where(letters, plain, np.minimum(plain, 1.5 * shaded))
    weight = np.clip(2 - far / (_NEAR / 2), 0, 1)
    inky = (apart * towards).sum(axis=2) / np.maximum(_NEAR**2, (towards * towards).sum(axis=2))
    weight[inky > np.where(letters, _INKY, _INKY_AROUND)] = 0
    return np.asarray(weight, np.float32)


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
