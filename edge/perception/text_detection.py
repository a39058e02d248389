"""Where text is in a picture: PP-OCR's detector, run tile by tile, and differentiable binarisation of our own.

The graph takes float32 [1, 3, h, w] in -1..1 (BGR, sides multiples of 32) and gives the probability [1, 1, h, w] that a
pixel lies in the shrunken core of a text line. A core is grown back by area x ratio / perimeter (Liao et al. 2020,
"Real-time Scene Text Detection with Differentiable Binarization", arXiv:1911.08947).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.errors import ModelNotFoundError
from edge.inference.sessions import Session, SessionFactory
from edge.media import Image
from edge.perception.crew import Crew
from edge.perception.text_geometry import Corners, expand, order_corners, sides
from edge.settings import TextSettings

MODEL_FILE = "model.onnx"
STRIDE = 32
"""Sides of what the graph is given are multiples of this."""

Floats = npt.NDArray[np.float32]

_SMALLEST_CORE = 3.0
_SMALLEST_LINE = 5.0
_EDGE_PIXELS = 230_400
_EDGE = 24
_INNER = 0.75
_CLOSER = 1.3
_EVEN = 32.0
_MARGIN = 0.2


@dataclass(frozen=True)
class DetectedLine:
    """A place that looks like a line of text.

    Attributes:
        corners: float32 [4, 2], pixels of the picture, in the order of `Quad` for upright text.
        score: mean probability of its core, 0..1.
    """

    corners: Corners = field(repr=False)
    score: float


@dataclass(frozen=True)
class Survey:
    """What a look at a whole picture found.

    Attributes:
        lines: from top to bottom.
        hints: float32 [h, w], how probable text is at each place of the picture, which has been scaled to that size.
    """

    lines: list[DetectedLine]
    hints: Floats = field(repr=False)


@dataclass(frozen=True)
class Tile:
    """A part of the scaled picture: what the graph sees, and what of its map is kept.

    Attributes:
        rows: first and one past the last row seen.
        columns: the same for columns.
        keep_rows: rows of the picture for which this tile's map counts.
        keep_columns: the same for columns.
    """

    rows: tuple[int, int]
    columns: tuple[int, int]
    keep_rows: tuple[int, int]
    keep_columns: tuple[int, int]


class TextDetector:
    """Finds lines of text.

    The picture is scaled to about the wanted number of pixels and cut into overlapping tiles, so that no step is long
    and no activation is large; the tiles' maps are joined before lines are looked for, so a line may cross tiles.
    """

    def __init__(self, session: Session, crew: Crew, settings: TextSettings) -> None:
        self._session = session
        self._crew = crew
        self._settings = settings
        self._input = session.get_inputs()[0].name

    @classmethod
    def load(cls, folder: Path, sessions: SessionFactory, settings: TextSettings) -> TextDetector:
        """Open the model in `folder`.

        Raises:
            ModelNotFoundError: `folder` does not hold the model.
            InferenceError: the file cannot be loaded.
        """
        file = folder / MODEL_FILE
        if not file.is_file():
            raise ModelNotFoundError(settings.detector)
        return cls(sessions.open(file, threads=1), Crew(sessions.threads), settings)

    def detect(
        self, image: Image, *, pixels: int | None = None, checkpoint: Callable[[], None] = lambda: None
    ) -> list[DetectedLine]:
        """The lines of `survey`."""
        return self.survey(image, pixels=pixels, checkpoint=checkpoint).lines

    def survey(
        self, image: Image, *, pixels: int | None = None, checkpoint: Callable[[], None] = lambda: None
    ) -> Survey:
        """Find the lines of text in a picture, and where there might be more.

        Args:
            image: uint8 [h, w, 3], BGR, any size.
            pixels: the picture is looked at with about this many pixels; None: as the settings say.
            checkpoint: called before every group of tiles.

        Raises:
            InferenceError: the graph failed.
        """
        scale = detection_scale(image.shape[:2], pixels or self._settings.detection_pixels, self._settings.max_zoom)
        scaled = _resize(image, scale)
        height, width = scaled.shape[:2]
        tiles = plan_tiles(height, width, self._settings.tile_side)
        hints = self._probability(scaled, tiles, checkpoint)
        return Survey(self._lines(image, hints), hints)

    def detect_closer(
        self,
        image: Image,
        explained: Sequence[Corners],
        hints: Floats | None = None,
        *,
        checkpoint: Callable[[], None] = lambda: None,
    ) -> list[DetectedLine]:
        """Look again, at small tiles with more pixels, where there are edges that no line explains.

        A small tile shows small text that the same graph overlooks in the whole picture: its global averages are
        those of the tile. Small pictures, which cannot be enlarged much further, are not looked at again: on dev
        groceries that found 1 point more and invented 11 points more in twice the time.

        Args:
            image: uint8 [h, w, 3], BGR.
            explained: lines that need no second look.
            hints: of a survey of this picture: where it saw no trace of other text, nothing is looked at again.
            checkpoint: called before every group of tiles.

        Returns:
            Lines from top to bottom, also such that were found before.

        Raises:
            InferenceError: the graph failed.
        """
        settings = self._settings
        size = image.shape[:2]
        before = detection_scale(size, settings.detection_pixels, settings.max_zoom)
        scale = detection_scale(size, settings.closer_pixels, settings.closer_zoom)
        if not settings.closer_tiles or scale < before * _CLOSER:
            return []
        scaled = _resize(image, scale)
        height, width = scaled.shape[:2]
        busy = busiest((height, width), edges(image, explained), settings)
        if hints is not None:
            left = unexplained(hints, explained, image.shape[:2]) > settings.closer_hint
            busy = [tile for tile in busy if _shows_any(left, tile, (height, width))]
        return self._lines(image, self._probability(scaled, busy, checkpoint, exposed)) if busy else []

    def _lines(self, image: Image, probability: Floats) -> list[DetectedLine]:
        """Lines of a map, in pixels of the picture."""
        height, width = probability.shape
        ratios = np.array([image.shape[1] / width, image.shape[0] / height], np.float32)
        return [DetectedLine(line.corners * ratios, line.score) for line in lines_of(probability, self._settings)]

    def _probability(
        self,
        scaled: Image,
        tiles: Sequence[Tile],
        checkpoint: Callable[[], None],
        develop: Callable[[Image], Image] = lambda part: part,
    ) -> Floats:
        """The map of a picture whose sides are multiples of `STRIDE`: float32 [h, w], 0 where no tile is."""
        maps = self._crew.map(lambda tile: self._look(develop(_part(scaled, tile))), tiles, checkpoint)
        whole = np.zeros(scaled.shape[:2], np.float32)
        for tile, part in zip(tiles, maps, strict=True):
            (top, bottom), (left, right) = tile.keep_rows, tile.keep_columns
            y, x = tile.rows[0], tile.columns[0]
            seen = whole[top:bottom, left:right]
            np.maximum(seen, part[top - y : bottom - y, left - x : right - x], out=seen)
        return whole

    def _look(self, part: Image) -> Floats:
        values = np.ascontiguousarray(part.transpose(2, 0, 1)[None], np.float32)
        values *= 2.0 / 255.0
        values -= 1.0
        output: Floats = self._session.run(None, {self._input: values})[0][0, 0]
        return output


def exposed(part: Image) -> Image:
    """A part of a picture with its darkest and brightest 1 % made black and white, as if exposed for it alone.

    On dev glasses photos small dim text is then found at more than one scale, and less is invented. Very even parts
    are not stretched more than eight times.
    """
    low, high = np.percentile(part[::4, ::4], (1, 99))
    return np.asarray(np.clip((part - low) * (255.0 / max(high - low, _EVEN)), 0, 255), np.uint8)


def detection_scale(size: Sequence[int], pixels: int, max_zoom: float) -> float:
    """How much a picture of `size` (height, width) is scaled to have about `pixels`; at most `max_zoom`."""
    height, width = size
    return min(math.sqrt(pixels / (height * width)), max_zoom)


def _part(scaled: Image, tile: Tile) -> Image:
    return scaled[slice(*tile.rows), slice(*tile.columns)]


def plan_tiles(height: int, width: int, side: int, overlap: int = 64) -> list[Tile]:
    """Cover a picture with overlapping tiles of at most about `side` pixels; seams run through the overlaps' middles.

    Args:
        height: multiple of `STRIDE`.
        width: the same.
        side: longest side of a tile.
        overlap: pixels that neighbours share.
    """
    rows, columns = _spans(height, side, overlap), _spans(width, side, overlap)
    return [Tile(seen_y, seen_x, kept_y, kept_x) for seen_y, kept_y in rows for seen_x, kept_x in columns]


def _spans(length: int, side: int, overlap: int) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """(seen, kept) of each tile along one axis."""
    count = 1 if length <= side else math.ceil((length - overlap) / (side - overlap))
    size = min(length, math.ceil((length + (count - 1) * overlap) / count / STRIDE) * STRIDE)
    starts = [round(index * (length - size) / max(count - 1, 1) / STRIDE) * STRIDE for index in range(count)]
    seams = [0, *((left + size + right) // 2 for left, right in itertools.pairwise(starts)), length]
    return [((start, start + size), kept) for start, kept in zip(starts, itertools.pairwise(seams), strict=True)]


def edges(image: Image, explained: Sequence[Corners]) -> npt.NDArray[np.uint8]:
    """Where brightness changes sharply outside the explained lines: uint8 [h, w], 0 or 1, of a small picture.

    Brightness is taken by its square root, so that dim places count, too.
    """
    import cv2

    scale = min(1.0, math.sqrt(_EDGE_PIXELS / (image.shape[0] * image.shape[1])))
    size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    grey = cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    root = cv2.LUT(grey, np.sqrt(np.arange(256) * 255.0).astype(np.uint8))
    steps = cv2.morphologyEx(root, cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8))
    sharp = np.asarray(steps > _EDGE, np.uint8)
    _blank(sharp, explained, (scale, scale))
    return sharp


def unexplained(hints: Floats, explained: Sequence[Corners], size: Sequence[int]) -> Floats:
    """Hints with nothing where the explained lines are.

    Args:
        hints: as in `Survey`.
        explained: lines, pixels of the picture.
        size: height and width of the picture.
    """
    left = hints.copy()
    _blank(left, explained, (hints.shape[1] / size[1], hints.shape[0] / size[0]))
    return left


def _blank(picture: npt.NDArray[Any], lines: Sequence[Corners], scale: tuple[float, float]) -> None:
    """Make the places of lines 0, with a margin, in a picture whose pixels are `scale` (across, down) of theirs."""
    import cv2

    for corners in lines:
        cv2.fillPoly(
            picture, [np.int32(expand(corners, _MARGIN * min(sides(corners))) * np.array(scale, np.float32))], 0
        )


def _shows_any(marked: npt.NDArray[np.bool_], tile: Tile, size: tuple[int, int]) -> bool:
    """Whether anything is marked in a tile of a picture of `size`, of which `marked` [h, w] has another scale."""
    rows, columns = (
        slice(int(first * length / whole), math.ceil(last * length / whole))
        for (first, last), length, whole in zip((tile.rows, tile.columns), marked.shape, size, strict=True)
    )
    return bool(marked[rows, columns].any())


def busiest(size: tuple[int, int], sharp: npt.NDArray[np.uint8], settings: TextSettings) -> list[Tile]:
    """Tiles around the places with the most edges, the busiest first; they overlap by a quarter at most.

    A tile lies where its inner part holds the most edges that no tile before it has in its inner part, so a small
    text stands in the middle of a tile and is not cut by a seam.

    Args:
        size: height and width of the picture of which they are parts.
        sharp: as `edges` gives them, of the same picture at any scale.
        settings: how large, how many at most, and the smallest share of edges in the inner part.
    """
    import cv2

    height, width = (min(side, settings.closer_side // STRIDE * STRIDE) for side in size)
    down, across = sharp.shape[0] / size[0], sharp.shape[1] / size[1]
    inner = max(1, round(_INNER * width * across)), max(1, round(_INNER * height * down))
    left = sharp.astype(np.float32)
    tiles: list[Tile] = []
    while len(tiles) < settings.closer_tiles:
        shares = cv2.boxFilter(left, -1, inner, borderType=cv2.BORDER_CONSTANT)
        _, share, _, (x, y) = cv2.minMaxLoc(shares)
        if share < settings.closer_edges:
            break
        top = _start(y / down, height, size[0])
        start = _start(x / across, width, size[1])
        tiles.append(Tile((top, top + height), (start, start + width), (top, top + height), (start, start + width)))
        rows, columns = (
            (max(0, y - inner[1] // 2), y + inner[1] // 2 + 1),
            (max(0, x - inner[0] // 2), x + inner[0] // 2 + 1),
        )
        left[slice(*rows), slice(*columns)] = 0.0
    return tiles


def _start(middle: float, side: int, length: int) -> int:
    """First pixel of a tile of `side` around `middle` that does not leave 0..length."""
    return min(max(0, round(middle - side / 2)), length - side)


def lines_of(probability: Floats, settings: TextSettings) -> list[DetectedLine]:
    """Lines in a probability map, in its pixels, from top to bottom.

    Args:
        probability: float32 [h, w], 0..1.
        settings: its thresholds.
    """
    import cv2

    mask = (probability > settings.core_threshold).astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    found = []
    for contour in contours:
        center, size, angle = cv2.minAreaRect(contour)
        if min(size) < _SMALLEST_CORE:
            continue
        core = order_corners(cv2.boxPoints((center, size, angle)))
        score = _mean_inside(probability, core)
        if score < settings.line_threshold:
            continue
        across, down = sides(core)
        grown = expand(core, across * down * settings.growth / (2 * (across + down)))
        if min(sides(grown)) >= _SMALLEST_LINE:
            found.append(DetectedLine(grown, score))
    return sorted(found, key=lambda line: (float(line.corners[0, 1]), float(line.corners[0, 0])))


def _mean_inside(probability: Floats, corners: Corners) -> float:
    import cv2

    height, width = probability.shape
    low = np.clip(np.floor(corners.min(axis=0)), 0, (width - 1, height - 1)).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)), 0, (width - 1, height - 1)).astype(int)
    inside = np.zeros((high[1] - low[1] + 1, high[0] - low[0] + 1), np.uint8)
    cv2.fillPoly(inside, [np.int32(corners - low)], 1)
    return float(cv2.mean(probability[low[1] : high[1] + 1, low[0] : high[0] + 1], inside)[0])


def _resize(image: Image, scale: float) -> Image:
    import cv2

    height, width = (max(STRIDE, round(side * scale / STRIDE) * STRIDE) for side in image.shape[:2])
    if (height, width) == image.shape[:2]:
        return image
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height), interpolation=how), np.uint8)
