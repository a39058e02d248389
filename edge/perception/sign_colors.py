"""The colours of a sign: of its letters (ink) and of what is behind them (paper), so that it can be drawn anew.

Every line is looked at on a small grid of points inside its box, so that a large sign costs no more than a small one.
The paper is the median of the rim of the box drawn in a little (boxes are loose, and what lies around a sign is not its
paper), where there are few letters. The points are then divided into near the paper and
far from it (Otsu, "A threshold selection method from gray-level histograms", 1979, on the distance), and the ink is
the median of the farthest of the far ones: the rest are edges, half ink and half paper.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge.media import Image
from edge.perception.quads import size
from edge.results import Color, Quad, Region

_ROWS = 20
_COLUMNS = 64
_RIM = 2
_DRAWN_IN = 0.1  # of the height: letters fill about 60 % of the height of a detected line
_MIN_CONTRAST = 24.0
_INK_SHARE = 0.5
_MIN_POINTS = 4
_BLACK_BELOW = 128

Points = npt.NDArray[np.float32]


def ink_and_paper(image: Image, region: Region) -> tuple[Color, Color]:
    """Colours of the letters and of the ground of a region.

    Args:
        image: uint8 [height, width, 3], BGR.
        region: its lines are looked at; boxes may leave the picture.

    Returns:
        Ink and paper, each (blue, green, red). Where nothing stands out from the ground: black or white.
    """
    grids = [_sample(image, line.box) for line in region.lines] or [_sample(image, region.box)]
    rim = np.concatenate([_rim(grid) for grid in grids])
    paper = np.median(rim, axis=0)
    points = np.concatenate([grid.reshape(-1, 3) for grid in grids])
    away = np.linalg.norm(points - paper, axis=1)
    far = away > _otsu(away)
    if far.sum() < _MIN_POINTS or float(np.median(away[far])) < _MIN_CONTRAST:
        dark = float(paper @ np.array([0.114, 0.587, 0.299])) < _BLACK_BELOW  # luma of ITU-R BT.601
        return ((255, 255, 255) if dark else (0, 0, 0)), _color(paper)
    ink = np.median(points[away >= np.quantile(away[far], _INK_SHARE)], axis=0)
    return _color(ink), _color(paper)


def _sample(image: Image, quad: Quad) -> Points:
    """Pixels on a regular grid over a quad: float32 [_ROWS, _COLUMNS, 3]; the nearest pixel of the picture."""
    corners = np.array(quad, np.float32)
    width, height = size(quad)
    ends = min(_DRAWN_IN * height / max(width, 1.0), _DRAWN_IN)
    down = np.linspace(_DRAWN_IN, 1 - _DRAWN_IN, _ROWS, dtype=np.float32)[:, None, None]
    along = np.linspace(ends, 1 - ends, _COLUMNS, dtype=np.float32)[None, :, None]
    left = corners[0] + (corners[3] - corners[0]) * down
    right = corners[1] + (corners[2] - corners[1]) * down
    places = np.rint(left + (right - left) * along).astype(np.intp)
    columns = np.clip(places[..., 0], 0, image.shape[1] - 1)
    rows = np.clip(places[..., 1], 0, image.shape[0] - 1)
    sampled: Points = image[rows, columns].astype(np.float32)
    return sampled


def _rim(grid: Points) -> Points:
    """Points of the upper and lower rim and the two ends."""
    sides = grid[_RIM:-_RIM, [0, -1]]
    return np.concatenate([grid[:_RIM].reshape(-1, 3), grid[-_RIM:].reshape(-1, 3), sides.reshape(-1, 3)])


def _otsu(values: npt.NDArray[np.float32]) -> float:
    """The threshold that parts values into two groups as different as can be."""
    counts, edges = np.histogram(values, bins=64)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * centres)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(edges[int(np.nanargmax(np.where(np.isfinite(between), between, -1.0))) + 1])


def _color(values: npt.NDArray[np.floating]) -> Color:
    blue, green, red = (round(float(value)) for value in values)
    return blue, green, red
