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

from edge.events import Corners
from edge.hud.fonts import FINE, Fonts
from edge.hud.layout import Block, Line, Mark, Outline, Role
from edge.hud.overlay import Overlay, SignPainter
from edge.media import Image
from edge.settings import HudSettings

Colour = tuple[int, int, int]
"""Blue, green, red: 0..255."""

INK: dict[Role, Colour] = {
    "translation": (255, 255, 255),
    "source": (235, 214, 176),
    "tag": (240, 236, 230),
    "notice": (122, 214, 255),
    "recording": (240, 236, 230),
    "scene": (240, 236, 230),
    "object": (255, 255, 255),
}
FRAME: Colour = (122, 214, 255)
MARK: dict[str, Colour] = {
    "listening": (190, 226, 94),
    "recording": (64, 64, 255),
    "arrow": (200, 190, 170),
    "scene": (122, 214, 255),
}
SHADOW: Colour = (0, 0, 0)
PANEL_OPACITY = 0.72
SHADOW_OPACITY = 0.85
CACHED_LAYERS = 48

Mask = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Layer:
    """A drawn block: `colour` uint16 [h, w, 3] BGR times opacity, `clear` uint16 [h, w, 3] 0..256 transparency."""

    colour: npt.NDArray[np.uint16]
    clear: npt.NDArray[np.uint16]


class Painter:
    """Draws signs and blocks over pictures of one display size; keeps what it drew last.

    Args:
        size: width and height of the display, pixels.
        fonts: fonts for all text.
        settings: how signs are drawn.
    """

    def __init__(self, size: tuple[int, int], fonts: Fonts, settings: HudSettings | None = None) -> None:
        self._size = size
        self._signs = SignPainter(settings or HudSettings(), fonts)
        self._fonts = fonts
        self._layers: OrderedDict[Block, Layer] = OrderedDict()
        self._fitted: tuple[Image, Image] | None = None

    def warm_up(self) -> None:
        """Load what the first picture of a camera, and the first sign in it, would wait for."""
        self._signs.warm_up()

    def paint(
        self,
        blocks: Sequence[Block],
        backdrop: Image | None,
        signs: Sequence[Overlay] = (),
        frame: tuple[int, int] | None = None,
        outlines: Sequence[Outline] = (),
    ) -> Image:
        """The picture to show.

        Args:
            blocks: what to draw, placed for this size, inside it.
            backdrop: uint8 [height, width, 3] BGR of any size, cut and scaled to fill the display; None: black.
            signs: translated signs and their corners in the camera frame; they lie under the blocks.
            frame: width and height of the camera frame where there is no backdrop; None: those of the display.
            outlines: around things, inside the display; over signs, and not where there are blocks.

        Returns:
            uint8 [height, width, 3] BGR, a new array.
        """
        width, height = self._size
        picture = np.zeros((height, width, 3), np.uint8) if backdrop is None else self._fit(backdrop).copy()
        if signs:
            given = frame or self._size if backdrop is None else (backdrop.shape[1], backdrop.shape[0])
            placed = [Overlay(sign.sign, to_display(sign.box, given, self._size)) for sign in signs]
            self._signs.paint(picture, placed, plain=backdrop is None)
        draw_outlines(picture, outlines, blocks)
        for block in blocks:
            layer = self._layer(block)
            area = picture[block.y : block.y + block.height, block.x : block.x + block.width]
            np.add((area * layer.clear) >> 8, layer.colour, out=area, casting="unsafe")
        return picture

    def _fit(self, backdrop: Image) -> Image:
        if self._fitted is None or self._fitted[0] is not backdrop:
            self._fitted = (backdrop, cover(backdrop, self._size))
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


def draw_outlines(picture: Image, outlines: Sequence[Outline], blocks: Sequence[Block] = ()) -> None:
    """Draw frames into `picture` but not below `blocks`: bright between dark edges, to be seen on any backdrop."""
    if not outlines:
        return
    areas = [picture[block.y : block.y + block.height, block.x : block.x + block.width] for block in blocks]
    kept = [area.copy() for area in areas]
    for outline in outlines:
        edge = max(1, outline.line // 4)
        for inset, thick, ink in ((0, outline.line, SHADOW), (edge, outline.line - 2 * edge, FRAME)):
            rows = slice(outline.y + inset, outline.y + outline.height - inset)
            columns = slice(outline.x + inset, outline.x + outline.width - inset)
            inner = picture[rows, columns]
            inner[:thick] = inner[-thick:] = ink
            inner[:, :thick] = inner[:, -thick:] = ink
    for area, pixels in zip(areas, kept, strict=True):
        area[:] = pixels


def cut(frame: tuple[int, int], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The middle part (left, top, width, height) of a picture of `frame` (width, height) with the aspect of `size`."""
    scale = min(frame[0] / size[0], frame[1] / size[1])
    width, height = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    return (frame[0] - width) // 2, (frame[1] - height) // 2, width, height


def cover(image: Image, size: tuple[int, int]) -> Image:
    """`image` cut to the aspect of `size` (width, height) around its centre and scaled to it."""
    height, width = image.shape[:2]
    if (width, height) == size:
        return image
    import cv2  # comes with the camera; captions alone never need it

    left, top, across, down = cut((width, height), size)
    part = image[top : top + down, left : left + across]
    much_smaller = across > 1.6 * size[0]  # else bilinear is as good, and faster
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA if much_smaller else cv2.INTER_LINEAR))


def to_display(box: Corners, frame: tuple[int, int], size: tuple[int, int]) -> Corners:
    """Corners in a camera frame of (width, height) where `cover` puts them on a display of `size`."""
    left, top, across, down = cut(frame, size)
    first, second, third, fourth = (((x - left) * size[0] / across, (y - top) * size[1] / down) for x, y in box)
    return first, second, third, fourth


def draw(block: Block, fonts: Fonts) -> Layer:
    """A block as a layer of its own size."""
    shape = (block.height, block.width)
    colour = np.zeros((*shape, 3), np.float32)
    opacity = rounded(shape, block.radius) * np.float32(PANEL_OPACITY)
    for line in block.lines:
        rows, columns = _reach(line, shape)
        text, shadow = _written(line, rows, columns, fonts)
        _lay(colour[rows, columns], opacity[rows, columns], shadow * np.float32(SHADOW_OPACITY), SHADOW)
        _lay(colour[rows, columns], opacity[rows, columns], text, INK[line.role])
    for mark in block.marks:
        rows, columns = slice(mark.y, mark.y + mark.height), slice(mark.x, mark.x + mark.width)
        _lay(colour[rows, columns], opacity[rows, columns], _sign(mark), MARK[mark.kind])
    clear = np.round((1 - opacity) * 256).astype(np.uint16)[..., None]
    room = 255 - ((255 * clear) >> 8)
    return Layer(np.minimum(np.round(colour * 255).astype(np.uint16), room), np.repeat(clear, 3, axis=2))


def rounded(shape: tuple[int, int], radius: float) -> Mask:
    """Coverage 0..1 of a rectangle of (height, width) with round, smooth corners."""
    height, width = shape
    radius = max(0.5, min(radius, height / 2, width / 2))
    down = np.abs(np.arange(height, dtype=np.float32) + 0.5 - height / 2) - (height / 2 - radius)
    across = np.abs(np.arange(width, dtype=np.float32) + 0.5 - width / 2) - (width / 2 - radius)
    distance = np.hypot(np.maximum(down, 0)[:, None], np.maximum(across, 0)[None, :])
    covered: Mask = np.clip(radius - distance + 0.5, 0, 1).astype(np.float32)
    return covered


def _lay(colour: Mask, opacity: Mask, share: Mask, ink: Colour) -> None:
    """Lay `ink` over what is there, where and as much as `share` says. Colours are kept times opacity."""
    rest = 1 - share
    opacity *= rest
    opacity += share
    for channel, value in enumerate(ink):
        colour[..., channel] *= rest
        if value:
            colour[..., channel] += share * np.float32(value / 255)


def _reach(line: Line, shape: tuple[int, int]) -> tuple[slice, slice]:
    """The rows and columns of a block of (height, width) that a line and its shadow can touch."""
    above, below, aside = round(line.size * 1.35), round(line.size * 0.65), round(line.size * 0.5)
    rows = slice(max(0, line.baseline - above), min(shape[0], line.baseline + below))
    return rows, slice(max(0, line.x - aside), min(shape[1], line.x + line.width + aside))


def _written(line: Line, rows: slice, columns: slice, fonts: Fonts) -> tuple[Mask, Mask]:
    """The line, and its soft shadow, as coverage 0..1 of the given part of its block."""
    size = (columns.stop - columns.start, rows.stop - rows.start)
    image = Pillow.new("L", (size[0] * FINE, size[1] * FINE))
    canvas = ImageDraw.Draw(image)
    x, y = float(line.x - columns.start), (line.baseline - rows.start) * FINE
    for run in fonts.runs(line.text, line.rtl):
        text, direction = fonts.options(run)
        canvas.text((x * FINE, y), text, 255, fonts.font(run, line.size), anchor="ls", direction=direction)
        x += fonts.advance(run, line.size)
    small = image.reduce(FINE)
    shadow = small.filter(ImageFilter.BoxBlur(max(1.0, line.size * 0.07)))
    return _mask(small), np.minimum(_mask(shadow) * 2, 1)


def _mask(image: Pillow.Image) -> Mask:
    mask: Mask = np.asarray(image, np.float32) * np.float32(1 / 255)
    return mask


def _sign(mark: Mark) -> Mask:
    """A mark as coverage 0..1 of its box, drawn larger and scaled down for smooth edges."""
    image = Pillow.new("L", (mark.width * FINE, mark.height * FINE))
    canvas = ImageDraw.Draw(image)
    right, bottom = mark.width * FINE - 1, mark.height * FINE - 1
    if mark.kind == "recording":
        canvas.ellipse((0, 0, right, bottom), fill=255)
    elif mark.kind == "arrow":
        _arrow(canvas, right, bottom)
    elif mark.kind == "scene":
        _finder(canvas, right, bottom)
    else:
        _bars(canvas, right, bottom)
    return _mask(image.reduce(FINE))


def _arrow(canvas: ImageDraw.ImageDraw, right: int, bottom: int) -> None:
    middle, thick, head = bottom / 2, round(max(FINE, bottom * 0.16)), bottom * 0.44
    canvas.line((0, middle, right, middle), fill=255, width=thick)
    for end in (middle - head, middle + head):
        canvas.line((right - head, end, right, middle), fill=255, width=thick, joint="curve")


def _finder(canvas: ImageDraw.ImageDraw, right: int, bottom: int) -> None:
    """The four corners of a view finder."""
    thick, long = max(FINE, round(right * 0.13)), 0.34
    canvas.rectangle((0, 0, right, bottom), fill=255)
    canvas.rectangle((thick, thick, right - thick, bottom - thick), fill=0)
    canvas.rectangle((right * long, 0, right * (1 - long), bottom), fill=0)
    canvas.rectangle((0, bottom * long, right, bottom * (1 - long)), fill=0)


def _bars(canvas: ImageDraw.ImageDraw, right: int, bottom: int) -> None:
    """Sound as four bars of unlike height."""
    heights = (0.45, 1.0, 0.65, 0.35)
    step = right / (len(heights) - 0.45)
    for n, share in enumerate(heights):
        x, half = n * step, bottom / 2 * share
        box = (x, bottom / 2 - half, x + step * 0.55, bottom / 2 + half)
        canvas.rounded_rectangle(box, step * 0.27, fill=255)
