"""A design drawn: one small picture with transparency, ready to be warped to where the sign is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from PIL import ImageDraw

from edge.events import Corners
from edge.hud.fonts import FINE, Fonts
from edge.hud.overlay_colors import Color, Floats, even
from edge.hud.overlay_design import Design
from edge.hud.overlay_fitting import Row
from edge.hud.overlay_geometry import Matrix, Rect, bounds, from_grid, from_own, mapped, shifted
from edge.hud.overlay_paper import line_masks, paper_course, straightened
from edge.media import Image

SMOOTH = 1.5
"""Letters are drawn at least so many times as large as they stand in the patch, and scaled down."""
SIZES = (10, 13, 18, 24, 32, 43, 57, 76, 101, 135, 180, 240, 320, 427)
"""Sizes in which letters are drawn."""
PANEL_ROUND = 0.25
"""Corners of a panel, times the size of its letters."""
PADDING = 0.14
"""Paper around the translation, times the size of its letters."""


@dataclass(frozen=True)
class Patch:
    """A drawn sign.

    Attributes:
        pixels: uint8 [h, w, 4]: blue, green, red times opacity, and opacity.
        frame: what it covers of the design's frame.
        scale: its pixels for each pixel of that frame.
    """

    pixels: npt.NDArray[np.uint8]
    frame: Rect
    scale: float

    def to_picture(self, box: Corners, size: tuple[float, float]) -> Matrix:
        """What maps its pixels to those of the picture, where the design's frame of `size` is at `box`."""
        return shifted(-0.5) @ from_own(box, size) @ from_grid(self.frame, self.scale)


@dataclass(frozen=True)
class Surface:
    """What a sign is made of: the picture in which it is (None: draw on plain paper), its corners there, colours."""

    picture: Image | None
    box: Corners
    ink: Color
    paper: Color


def render(design: Design, surface: Surface, scale: float, fonts: Fonts) -> Patch:
    """Draw a design with `scale` pixels for each pixel of its frame."""
    frame = design.bounds
    shape = (max(1, round(frame.height * scale)), max(1, round(frame.width * scale)))
    course, ink = even(_paper(design, surface, frame), surface.ink)
    colour = _enlarged(course, shape)
    if surface.picture is None and design.rows:
        around = design.rows[0].box.around([*map(bounds, design.erased), *(row.box for row in design.rows)])
        opacity = _plate(around.grown(PADDING * design.rows[0].size), design.rows[0].size, (frame, scale), shape)
    else:
        opacity = _erased(design, frame, scale, shape)
    _write(colour, opacity, design.rows, (frame, scale), ink, fonts)
    for panel in design.panels:
        flat, panel_ink = even(np.full((1, 1, 3), surface.paper, np.float32), surface.ink)
        plate = _plate(panel.box, panel.rows[0].size, (frame, scale), shape)
        colour += (flat[0, 0] - colour) * plate[..., None]
        opacity[:] = np.maximum(opacity, plate)
        _write(colour, opacity, panel.rows, (frame, scale), panel_ink, fonts)
    pixels = np.empty((*shape, 4), np.uint8)
    pixels[..., :3] = np.clip(colour * opacity[..., None] + 0.5, 0, 255)
    pixels[..., 3] = opacity * 255 + 0.5
    return Patch(pixels, frame, scale)


def _paper(design: Design, surface: Surface, frame: Rect) -> Floats:
    """The course of the paper over `frame`, in few pixels."""
    if surface.picture is None or not design.erased:
        return np.full((1, 1, 3), surface.paper, np.float32)
    view, scale = straightened(surface.picture, surface.box, design.size, frame)
    lines = line_masks(design.erased, frame, scale, (view.shape[0], view.shape[1]))
    return paper_course(view, lines, surface.ink, surface.paper)


def _enlarged(course: Floats, shape: tuple[int, int]) -> Floats:
    if course.shape[:2] == (1, 1):
        return np.broadcast_to(course, (*shape, 3)).copy()
    import cv2

    return np.asarray(cv2.resize(course, shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _erased(design: Design, frame: Rect, scale: float, shape: tuple[int, int]) -> Floats:
    """Opacity 0..1 of the paper that is laid over the original: its lines and the new words, with soft edges."""
    import cv2

    mask = np.zeros(shape, np.uint8)
    for line in design.erased:
        cv2.fillConvexPoly(mask, _pixels(line, frame, scale), 255)
    reach = max(1, round(design.margin * scale))
    grown = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)))
    for row in design.rows:
        cv2.fillConvexPoly(grown, _pixels(row.box.grown(PADDING * row.size).corners, frame, scale), 255)
    soft = cv2.GaussianBlur(grown, (0, 0), max(0.6, reach / 4))
    return np.asarray(soft, np.float32) * np.float32(1 / 255)


def _plate(box: Rect, size: int, grid: tuple[Rect, float], shape: tuple[int, int]) -> Floats:
    """Opacity of a panel with round corners."""
    frame, scale = grid
    image = Pillow.new("L", (shape[1] * 2, shape[0] * 2))
    left, top = (box.left - frame.left) * scale, (box.top - frame.top) * scale
    corners = (2 * left, 2 * top, 2 * (left + box.width * scale), 2 * (top + box.height * scale))
    ImageDraw.Draw(image).rounded_rectangle(corners, PANEL_ROUND * size * scale * 2, fill=255)
    return np.asarray(image.reduce(2), np.float32) * np.float32(1 / 255)


def _write(
    colour: Floats, opacity: Floats, rows: Sequence[Row], grid: tuple[Rect, float], ink: Color, fonts: Fonts
) -> None:
    """Lay the letters of `rows` on the paper."""
    frame, scale = grid
    for row in rows:
        rows_at, columns_at = _reach(row, frame, scale, opacity.shape)
        begin = (row.x - frame.left) * scale - columns_at.start, (row.baseline - frame.top) * scale - rows_at.start
        letters = _letters(row, scale, begin, (rows_at.stop - rows_at.start, columns_at.stop - columns_at.start), fonts)
        area = colour[rows_at, columns_at]
        area += (np.asarray(ink, np.float32) - area) * letters[..., None]
        np.maximum(opacity[rows_at, columns_at], letters, out=opacity[rows_at, columns_at])


def _reach(row: Row, frame: Rect, scale: float, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns of the patch that the letters of a row can touch."""
    box = row.box.grown(0.4 * row.size)
    top, bottom = round((box.top - frame.top) * scale), round((box.bottom - frame.top) * scale)
    left, right = round((box.left - frame.left) * scale), round((box.right - frame.left) * scale)
    return slice(max(0, top), min(shape[0], bottom)), slice(max(0, left), min(shape[1], right))


def _letters(row: Row, scale: float, at: tuple[float, float], shape: tuple[int, int], fonts: Fonts) -> Floats:
    """Coverage 0..1 of one line of text whose baseline is anchored at `at` (x, y) of an area of `shape`.

    Drawn in one of a few sizes and scaled down: FreeType studies a whole font before it draws the first letter of
    a size, which takes 20 ms (measured with Noto Sans); after that a line takes less than 1 ms.
    """
    high, wide = max(1, shape[0]), max(1, shape[1])
    pixels = row.size * scale
    size = next((s for s in SIZES if s * FINE >= SMOOTH * pixels), SIZES[-1])
    ratio = size * FINE / pixels
    image = Pillow.new("L", (math.ceil(wide * ratio), math.ceil(high * ratio)))
    canvas = ImageDraw.Draw(image)
    runs = fonts.runs(row.text, row.rtl)
    x, y = at[0] * ratio - row.anchor * FINE * sum(fonts.advance(run, size) for run in runs), at[1] * ratio
    for run in runs:
        text, direction = fonts.options(run)
        canvas.text((x, y), text, 255, fonts.font(run, size), anchor="ls", direction=direction)
        x += fonts.advance(run, size) * FINE
    small = image.resize((wide, high), Pillow.Resampling.BILINEAR, box=(0, 0, wide * ratio, high * ratio))
    return np.asarray(small, np.float32)[: shape[0], : shape[1]] * np.float32(1 / 255)


def _pixels(points: npt.ArrayLike, frame: Rect, scale: float) -> npt.NDArray[np.int32]:
    """Points of the design's frame in whole pixels of the patch."""
    shifted = (np.asarray(points, np.float64) - (frame.left, frame.top)) * scale - 0.5
    return np.round(shifted).astype(np.int32)


def covered(patch: Patch, matrix: Matrix) -> Rect:
    """What a patch covers of the picture, given the matrix of `to_picture`."""
    height, width = patch.pixels.shape[:2]
    corners = mapped(matrix, Rect(-1, -1, width, height).corners)
    return Rect(*corners.min(axis=0), *corners.max(axis=0))
