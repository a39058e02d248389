"""A design drawn: one small picture with transparency, ready to be warped to where the sign is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from PIL import ImageDraw

from edge.events import Corners
from edge.hud.fonts import FINE, Fonts
from edge.hud.overlay_colors import Color, Floats, inks, readable
from edge.hud.overlay_design import Design
from edge.hud.overlay_fitting import Row
from edge.hud.overlay_geometry import Matrix, Rect, bounds, from_grid, from_own, mapped, shifted
from edge.hud.overlay_paper import line_masks, paper_course, straightened
from edge.media import Image

SMOOTH = 1.5
"""Letters are drawn at least so many times as large as they stand in the patch, and scaled down."""
SIZES = (10, 13, 18, 24, 32, 43, 57, 76, 101, 135, 180, 240, 320, 427)
"""Sizes in which letters are drawn."""
AROUND = 0.3
"""How far around a sign its surface is looked at, times the height of its lines."""
USUAL = (18, 24, 32, 43, 57, 76)
PANEL_ROUND = 0.25
"""Corners of a panel, times the size of its letters."""
PADDING = 0.14
"""Paper around the translation, times the size of its letters."""


Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Patch:
    """A drawn sign, in two layers: neighbouring signs may overlap, and no paper shall cover another sign's words.

    Attributes:
        paper: uint8 [h, w, 4]: blue, green, red times opacity, and opacity.
        words: the same of the letters, and of panels with theirs.
        frame: what they cover of the design's frame.
        scale: their pixels for each pixel of that frame.
    """

    paper: Pixels
    words: Pixels
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
    frame, grid = design.bounds, (design.bounds, scale)
    shape = (max(1, round(frame.height * scale)), max(1, round(frame.width * scale)))
    course = _paper(design, surface, frame)
    course, colors = inks(course, [_area(row, frame, course.shape) for row in design.rows], surface.ink)
    colour = _enlarged(course, shape)
    words = np.zeros((*shape, 4), np.float32)
    opacity = _plain(design, grid, shape) if surface.picture is None else _erased(design, grid, shape)
    for row, ink in zip(design.rows, colors, strict=True):
        _write(words, row, grid, ink, fonts)
    ink = readable(surface.ink, [surface.paper])
    for panel in design.panels:
        plate = _plate(panel.box, panel.rows[0].size, grid, shape)[..., None]
        words *= 1 - plate
        words += plate * np.array([*surface.paper, 255], np.float32)
        for row in panel.rows:
            _write(words, row, grid, ink, fonts)
    paper = np.concatenate([colour * opacity[..., None], opacity[..., None] * 255], axis=2)
    return Patch(_whole(paper), _whole(words), frame, scale)


def warm_up(fonts: Fonts) -> None:
    """Draw a letter in each of the usual sizes, so that the first sign need not wait for FreeType (see `_letters`)."""
    canvas = ImageDraw.Draw(Pillow.new("L", (1, 1)))
    for run in fonts.runs("A", rtl=False):
        for size in USUAL:
            canvas.text((0, 0), run.text, 255, fonts.font(run, size))


def _whole(pixels: Floats) -> Pixels:
    return np.asarray(np.clip(pixels + 0.5, 0, 255), np.uint8)


def _area(row: Row, frame: Rect, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The rows and columns of a course of paper over `frame` on which a line of text stands; at least one pixel."""
    down, across = shape[0] / frame.height, shape[1] / frame.width
    top, left = int((row.box.top - frame.top) * down), int((row.box.left - frame.left) * across)
    bottom, right = math.ceil((row.box.bottom - frame.top) * down), math.ceil((row.box.right - frame.left) * across)
    top, left = min(max(0, top), shape[0] - 1), min(max(0, left), shape[1] - 1)
    return slice(top, max(top + 1, bottom)), slice(left, max(left + 1, right))


def _plain(design: Design, grid: tuple[Rect, float], shape: tuple[int, int]) -> Floats:
    """Opacity of a surface of its own, for displays that show nothing else: one plate for lines and words."""
    if not design.rows:
        return np.zeros(shape, np.float32)
    size = design.rows[0].size
    box = design.rows[0].box.around([*map(bounds, design.erased), *(row.box for row in design.rows)])
    return _plate(box.grown(PADDING * size), size, grid, shape)


def _paper(design: Design, surface: Surface, frame: Rect) -> Floats:
    """The course of the paper over `frame`, in few pixels."""
    if surface.picture is None or not design.erased:
        return np.full((1, 1, 3), surface.paper, np.float32)
    wide = frame.grown(AROUND * design.line_height)
    view, scale = straightened(surface.picture, surface.box, design.size, wide)
    lines = line_masks(design.erased, wide, scale, (view.shape[0], view.shape[1]))
    course = paper_course(view, lines, design.line_height * scale, surface.ink, surface.paper)
    edge = min(round(AROUND * design.line_height * scale), (min(view.shape[:2]) - 1) // 2)
    return course[edge : view.shape[0] - edge, edge : view.shape[1] - edge]


def _enlarged(course: Floats, shape: tuple[int, int]) -> Floats:
    if course.shape[:2] == (1, 1):
        return np.broadcast_to(course, (*shape, 3)).copy()
    import cv2

    return np.asarray(cv2.resize(course, shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _erased(design: Design, grid: tuple[Rect, float], shape: tuple[int, int]) -> Floats:
    """Opacity 0..1 of the paper that is laid over the original: its lines and the new words, with soft edges."""
    import cv2

    frame, scale = grid
    mask = np.zeros(shape, np.uint8)
    for line in design.erased:
        cv2.fillConvexPoly(mask, _pixels(line, frame, scale), 255)
    reach = max(1, round(design.margin * scale))
    grown = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)))
    for other in design.spared:
        cv2.fillConvexPoly(grown, _pixels(other, frame, scale), 0)
    for row in design.rows:
        cv2.fillConvexPoly(grown, _pixels(row.box.grown(PADDING * row.size).corners, frame, scale), 255)
    soft = cv2.GaussianBlur(grown, (0, 0), max(0.6, design.margin * scale))
    return np.asarray(soft, np.float32) * np.float32(1 / 255)


def _plate(box: Rect, size: int, grid: tuple[Rect, float], shape: tuple[int, int]) -> Floats:
    """Opacity of a panel with round corners."""
    frame, scale = grid
    image = Pillow.new("L", (shape[1] * 2, shape[0] * 2))
    left, top = (box.left - frame.left) * scale, (box.top - frame.top) * scale
    corners = (2 * left, 2 * top, 2 * (left + box.width * scale), 2 * (top + box.height * scale))
    ImageDraw.Draw(image).rounded_rectangle(corners, PANEL_ROUND * size * scale * 2, fill=255)
    return np.asarray(image.reduce(2), np.float32) * np.float32(1 / 255)


def _write(words: Floats, row: Row, grid: tuple[Rect, float], ink: Color, fonts: Fonts) -> None:
    """Lay the letters of one line into the layer of words [h, w, 4]."""
    frame, scale = grid
    rows, columns = _reach(row, frame, scale, words.shape)
    begin = (row.x - frame.left) * scale - columns.start, (row.baseline - frame.top) * scale - rows.start
    letters = _letters(row, scale, begin, (rows.stop - rows.start, columns.stop - columns.start), fonts)
    layer = words[rows, columns]
    layer *= 1 - letters[..., None]
    layer += letters[..., None] * np.array([*ink, 255], np.float32)


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
    height, width = patch.paper.shape[:2]
    corners = mapped(matrix, Rect(-1, -1, width, height).corners)
    return Rect(*corners.min(axis=0), *corners.max(axis=0))
