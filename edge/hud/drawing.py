"""Placed blocks onto a picture, with Pillow and numpy. Text is white on dark panels: legible over anything.

Each block is drawn once into a layer (colour times opacity, and transparency) and kept; a frame costs one
multiply-add over the area of its blocks. A black backdrop is what see-through displays leave dark.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFilter

from edge.hud.fonts import Fonts
from edge.hud.layout import Block, Line, Mark, Role
from edge.media import Image

Colour = tuple[int, int, int]
"""Blue, green, red: 0..255."""

INK: dict[Role, Colour] = {
    "translation": (255, 255, 255),
    "source": (235, 214, 176),
    "tag": (240, 236, 230),
    "notice": (122, 214, 255),
    "recording": (240, 236, 230),
}
MARK: dict[str, Colour] = {
    "listening": (190, 226, 94),
    "recording": (64, 64, 255),
    "arrow": (200, 190, 170),
}
PANEL: Colour = (0, 0, 0)
PANEL_OPACITY = 0.72
SHADOW_OPACITY = 0.85
CACHED_LAYERS = 24

Mask = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Layer:
    """A drawn block: `colour` uint16 [h, w, 3] BGR times opacity, `clear` uint16 [h, w, 3] 0..256 transparency."""

    colour: npt.NDArray[np.uint16]
    clear: npt.NDArray[np.uint16]


class Painter:
    """Draws blocks over pictures of one display size; keeps the layers it drew last."""

    def __init__(self, size: tuple[int, int], fonts: Fonts) -> None:
        self._size = size
        self._fonts = fonts
        self._layers: OrderedDict[Block, Layer] = OrderedDict()
        self._fitted: tuple[int, Image] | None = None
        self._source: Image | None = None

    def paint(self, blocks: Sequence[Block], backdrop: Image | None) -> Image:
        """The picture to show.

        Args:
            blocks: what to draw, placed for this size, inside it.
            backdrop: uint8 [height, width, 3] BGR of any size, cut and scaled to fill the display; None: black.

        Returns:
            uint8 [height, width, 3] BGR, a new array.
        """
        width, height = self._size
        picture = np.zeros((height, width, 3), np.uint8) if backdrop is None else self._fit(backdrop).copy()
        for block in blocks:
            layer = self._layer(block)
            area = picture[block.y : block.y + block.height, block.x : block.x + block.width]
            np.add((area * layer.clear) >> 8, layer.colour, out=area, casting="unsafe")
        return picture

    def _fit(self, backdrop: Image) -> Image:
        if self._source is not backdrop or self._fitted is None:
            self._source = backdrop
            self._fitted = (0, cover(backdrop, self._size))
        return self._fitted[1]

    def _layer(self, block: Block) -> Layer:
        content = replace(block, x=0, y=0)
        layer = self._layers.get(content)
        if layer is None:
            layer = self._layers[content] = draw(content, self._fonts)
            while len(self._layers) > CACHED_LAYERS:
                self._layers.popitem(last=False)
        self._layers.move_to_end(content)
        return layer


def cover(image: Image, size: tuple[int, int]) -> Image:
    """`image` cut to the aspect of `size` (width, height) around its centre and scaled to it."""
    height, width = image.shape[:2]
    if (width, height) == size:
        return image
    scale = min(width / size[0], height / size[1])
    cut_width, cut_height = size[0] * scale, size[1] * scale
    left, top = (width - cut_width) / 2, (height - cut_height) / 2
    box = (left, top, left + cut_width, top + cut_height)
    picture = Pillow.fromarray(np.ascontiguousarray(image))
    resized = picture.resize(size, Pillow.Resampling.BILINEAR, box=box, reducing_gap=1.5)
    return np.asarray(resized, np.uint8)


def draw(block: Block, fonts: Fonts) -> Layer:
    """A block as a layer of its own size."""
    shape = (block.height, block.width)
    colour = np.zeros((*shape, 3), np.float32)
    opacity = np.zeros(shape, np.float32)
    _lay(colour, opacity, rounded(shape, block.radius) * PANEL_OPACITY, PANEL)
    for line in block.lines:
        text = Pillow.new("L", (block.width, block.height))
        _write(text, line, fonts)
        shadow = text.filter(ImageFilter.GaussianBlur(max(1.0, line.size * 0.07)))
        _lay(colour, opacity, np.minimum(_mask(shadow) * 2.0, 1.0) * SHADOW_OPACITY, (0, 0, 0))
        _lay(colour, opacity, _mask(text), INK[line.role])
    for mark in block.marks:
        _lay(colour, opacity, _mask(_sign(mark, shape)), MARK[mark.kind])
    clear = np.repeat(np.round((1 - opacity) * 256).astype(np.uint16)[..., None], 3, axis=2)
    return Layer(np.minimum(np.round(colour * 255), 255 - ((255 * clear) >> 8)).astype(np.uint16), clear)


def rounded(shape: tuple[int, int], radius: float) -> Mask:
    """Coverage 0..1 of a rectangle of (height, width) with round, smooth corners."""
    height, width = shape
    radius = min(radius, height / 2, width / 2)
    down = np.abs(np.arange(height, dtype=np.float32) + 0.5 - height / 2) - (height / 2 - radius)
    across = np.abs(np.arange(width, dtype=np.float32) + 0.5 - width / 2) - (width / 2 - radius)
    distance = np.hypot(np.maximum(down, 0)[:, None], np.maximum(across, 0)[None, :])
    covered: Mask = np.clip(radius - distance + 0.5, 0, 1).astype(np.float32)
    return covered


def _lay(colour: Mask, opacity: Mask, cover_by: Mask, ink: Colour) -> None:
    """Lay `ink` over what is there, where and as much as `cover_by` says. Colours are kept times opacity."""
    colour *= (1 - cover_by)[..., None]
    colour += cover_by[..., None] * (np.asarray(ink, np.float32) / 255)
    opacity *= 1 - cover_by
    opacity += cover_by


def _mask(image: Pillow.Image) -> Mask:
    mask: Mask = np.asarray(image, np.float32) / np.float32(255)
    return mask


def _write(image: Pillow.Image, line: Line, fonts: Fonts) -> None:
    canvas = ImageDraw.Draw(image)
    x = float(line.x)
    for run in fonts.runs(line.text, line.rtl):
        text, direction = fonts.options(run)
        canvas.text((x, line.baseline), text, 255, fonts.font(run, line.size), anchor="ls", direction=direction)
        x += fonts.advance(run, line.size)


_FINE = 4


def _sign(mark: Mark, shape: tuple[int, int]) -> Pillow.Image:
    """A mark, drawn four times as large and scaled down for smooth edges."""
    height, width = shape
    image = Pillow.new("L", (width * _FINE, height * _FINE))
    canvas = ImageDraw.Draw(image)
    left, top = mark.x * _FINE, mark.y * _FINE
    right, bottom = left + mark.width * _FINE - 1, top + mark.height * _FINE - 1
    if mark.kind == "recording":
        canvas.ellipse((left, top, right, bottom), fill=255)
    elif mark.kind == "arrow":
        _arrow(canvas, left, top, right, bottom)
    else:
        _bars(canvas, left, top, right, bottom)
    return image.reduce(_FINE)


def _arrow(canvas: ImageDraw.ImageDraw, left: int, top: int, right: int, bottom: int) -> None:
    middle, thick = (top + bottom) / 2, max(_FINE, (bottom - top) * 0.16)
    head = (bottom - top) * 0.5
    canvas.line((left, middle, right, middle), fill=255, width=round(thick))
    for end in (middle - head, middle + head):
        canvas.line((right - head, end, right, middle), fill=255, width=round(thick), joint="curve")


def _bars(canvas: ImageDraw.ImageDraw, left: int, top: int, right: int, bottom: int) -> None:
    """Sound as four bars of unlike height."""
    heights = (0.45, 1.0, 0.65, 0.35)
    step = (right - left) / (len(heights) - 0.45)
    middle = (top + bottom) / 2
    for n, share in enumerate(heights):
        x, half = left + n * step, (bottom - top) / 2 * share
        canvas.rounded_rectangle((x, middle - half, x + step * 0.55, middle + half), step * 0.27, fill=255)
