"""Colours of drawn signs: how well ink stands out from paper, and what to do where it does not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Color = tuple[int, int, int]
Floats = npt.NDArray[np.float32]

CONTRAST = 4.5
"""Least ratio of luminances for text (WCAG 2.2, success criterion 1.4.3)."""
_ONE_FIELD = 3.0
"""Ratio of luminances up to which uneven paper is taken for one field in light and shade."""
_LUMINANCE = np.array([0.0722, 0.7152, 0.2126])


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


def inks(paper: Floats, areas: Sequence[tuple[slice, slice]], ink: Color) -> tuple[Floats, tuple[Color, ...]]:
    """The inks for words in `areas` of a course of paper, each readable in all of its area.

    One ink for all where that is possible; else each area has its own, and paper too uneven for any is flattened.

    Args:
        paper: float32 [h, w, 3].
        areas: rows and columns, none of them empty.
        ink: colour of the original, kept as far as it is readable.

    Returns:
        The paper, and an ink for each area.
    """
    if not areas:
        return paper, ()
    every = np.concatenate([_extremes(paper[area]) for area in areas])
    if contrast(found := readable(ink, every), every) >= CONTRAST:
        return paper, (found,) * len(areas)
    light = luminance(every) + 0.05
    if light.max() / light.min() < _ONE_FIELD:
        paper = _flat(paper, ink)
        return paper, (readable(ink, _extremes(paper)),) * len(areas)
    paper = paper.copy()
    chosen = []
    for area in areas:
        paper[area] = _flat(paper[area], ink)
        chosen.append(readable(ink, _extremes(paper[area])))
    return paper, tuple(chosen)


def _flat(paper: Floats, ink: Color) -> Floats:
    """A part of the paper, flattened as far as it takes for some ink to be readable on it."""
    middle = np.median(paper.reshape(-1, 3), axis=0).astype(np.float32)
    for share in (1.0, 0.5, 0.25):
        flatter: Floats = (middle + (paper - middle) * np.float32(share)).astype(np.float32)
        ends = _extremes(flatter)
        if contrast(readable(ink, ends), ends) >= CONTRAST:
            return flatter
    return np.broadcast_to(middle, paper.shape).copy()


def _extremes(paper: Floats) -> Floats:
    """Colours [3, 3] of the darkest, the middle and the brightest of the paper."""
    flat = paper.reshape(-1, 3)
    order = np.argsort(flat @ _LUMINANCE.astype(np.float32))
    return flat[order[[len(order) // 100, len(order) // 2, len(order) - 1 - len(order) // 100]]]
