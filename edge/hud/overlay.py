"""Translations drawn where the signs are: the original erased, the words set in its place, turned as it is turned.

Each sign is designed once, drawn once for each size it comes to have on the display, and kept; a frame costs one
warp and one blend for each sign, and only the blend where nothing moved. What was erased is kept, too: on a still
scene the drawn surface does not change with the noise of the camera, only when the picture under it clearly did.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.events import Corners, SignTranslated
from edge.hud.fonts import Fonts
from edge.hud.overlay_design import Around, Design, Overlay, design, is_shown, placed
from edge.hud.overlay_geometry import Matrix, bounds, from_own, mapped, size_of
from edge.hud.overlay_patch import Patch, Surface, covered, render, warm_up
from edge.media import Image
from edge.settings import HudSettings

KEPT = 32
"""Signs whose drawings are kept after they went out of sight."""
FINE_PX = 700
"""Smaller signs are drawn larger than they are shown, so that warping does not blur their letters."""
FINE_SCALE = 1.5
LARGEST_PX = 4096
"""Longest side of a drawing; larger signs are enlarged when they are warped."""
CHANGED = 22
"""Levels, 0..255, by which the surface around a sign must change for it to be sampled anew."""
PATIENCE = 10
"""Pictures between two samplings of one sign, at least."""

__all__ = ["Overlay", "SignPainter", "draw_signs", "is_shown"]

Pixels = npt.NDArray[np.uint8]


@dataclass
class _Warped:
    """A patch as it lies in the picture: its two layers, and the place of their first pixel.

    A layer is premultiplied colour and transparency, both uint8 [h, w, 3].
    """

    box: Corners
    paper: tuple[Pixels, Pixels]
    words: tuple[Pixels, Pixels]
    left: int
    top: int


@dataclass
class _Drawn:
    """What is kept of one sign."""

    sign: SignTranslated
    design: Design
    level: int
    patch: Patch
    around: npt.NDArray[np.int16] | None
    age: int = 0
    warped: _Warped | None = None


class SignPainter:
    """Draws signs into pictures of one size.

    Args:
        settings: mode (`overlay`), source text, size of text.
        fonts: fonts for the text.
    """

    def __init__(self, settings: HudSettings, fonts: Fonts) -> None:
        self._settings = settings
        self._fonts = fonts
        self._drawn: OrderedDict[int, _Drawn] = OrderedDict()

    def warm_up(self) -> None:
        """Load what the first sign would wait for: 0.1 s."""
        import cv2  # noqa: F401 - loads it

        if self._settings.overlay != "off":
            warm_up(self._fonts)

    def paint(self, picture: Image, overlays: Sequence[Overlay], plain: bool = False) -> None:
        """Draw into `picture`.

        Args:
            picture: uint8 [height, width, 3] BGR, changed in place.
            overlays: signs and their corners in `picture`; those without a translation are passed over.
            plain: there is no camera picture below: signs get a surface of one colour.
        """
        if self._settings.overlay == "off":
            return
        below = None if plain else picture
        warped = []
        for overlay in overlays:
            if is_shown(overlay.sign):
                drawn = self._up_to_date(overlay, overlays, picture, below)
                warped.append(_warp(drawn, overlay, picture))
        for layers in filter(None, warped):
            _blend(picture, layers.paper, layers)
        for layers in filter(None, warped):
            _blend(picture, layers.words, layers)
        while len(self._drawn) > KEPT + len(overlays):
            self._drawn.popitem(last=False)

    def _up_to_date(self, overlay: Overlay, overlays: Sequence[Overlay], picture: Image, below: Image | None) -> _Drawn:
        """The drawing of a sign, made anew if it is new, if its size or its surroundings changed a lot."""
        sign = overlay.sign
        drawn = self._drawn.get(sign.region)
        if drawn is None or (drawn.sign.text, drawn.sign.translation) != (sign.text, sign.translation):
            others = [other.box for other in overlays if other is not overlay]
            size = (picture.shape[1], picture.shape[0])
            made = design(overlay, Around(others, size, below), self._settings, self._fonts)
            drawn = self._drawn[sign.region] = self._made(overlay, made, below)
        elif drawn.level != _level(drawn.design, overlay) or self._looks_different(drawn, overlay, below):
            drawn = self._drawn[sign.region] = self._made(overlay, drawn.design, below)
        self._drawn.move_to_end(sign.region)
        return drawn

    def _made(self, overlay: Overlay, made: Design, below: Image | None) -> _Drawn:
        sign, box = overlay.sign, placed(overlay, made)
        level = _level(made, overlay)
        fine = FINE_SCALE if max(made.size) * 2 ** (level / 2) < FINE_PX else 1.0
        surface = Surface(below, box, sign.ink, sign.paper)
        most = LARGEST_PX / max(made.bounds.width, made.bounds.height)
        patch = render(made, surface, min(fine * 2 ** (level / 2), most), self._fonts)
        around = None if below is None else _around(made, box, below)
        return _Drawn(sign, made, level, patch, around)

    def _looks_different(self, drawn: _Drawn, overlay: Overlay, below: Image | None) -> bool:
        """Whether the surface around the sign changed since it was sampled; not asked again too soon."""
        drawn.age += 1
        if below is None or drawn.around is None or drawn.age < PATIENCE:
            return False
        now = _around(drawn.design, placed(overlay, drawn.design), below)
        if float(np.median(np.abs(now - drawn.around))) > CHANGED:
            return True
        drawn.age = 0
        return False


def draw_signs(image: Image, signs: Sequence[SignTranslated], settings: HudSettings, fonts: Fonts) -> Image:
    """A picture with its signs translated in place.

    Args:
        image: uint8 [height, width, 3] BGR of any size.
        signs: what was read in it; boxes in its pixels.
        settings: mode (`overlay`), source text, size of text.
        fonts: fonts for the text.

    Returns:
        A new array of the same size.
    """
    picture = np.ascontiguousarray(image).copy()
    SignPainter(settings, fonts).paint(picture, [Overlay(sign, sign.box) for sign in signs])
    return picture


def _level(made: Design, overlay: Overlay) -> int:
    """Size class of a sign: how many half octaves it is larger on the display than when it was designed."""
    now, then = size_of(placed(overlay, made)), made.size
    return round(math.log2(now[0] * now[1] / (then[0] * then[1])))


def _around(made: Design, box: Corners, picture: Image) -> npt.NDArray[np.int16]:
    """Colours int16 [n, 3] of points just outside the lines of a sign; outside the picture those of its edge."""
    frame = bounds(np.concatenate(made.erased)) if made.erased else made.bounds
    corners = frame.grown(0.15 * made.line_height).corners
    shares = np.arange(6)[:, None, None] / 6
    points = (corners * (1 - shares) + np.roll(corners, -1, axis=0) * shares).reshape(-1, 2)
    at = np.round(mapped(from_own(box, made.size), points)).astype(int)
    height, width = picture.shape[:2]
    found: npt.NDArray[np.int16] = picture[np.clip(at[:, 1], 0, height - 1), np.clip(at[:, 0], 0, width - 1)].astype(
        np.int16
    )
    return found


def _warp(drawn: _Drawn, overlay: Overlay, picture: Image) -> _Warped | None:
    """The patch warped to where the sign is; None outside the picture. Kept as long as nothing moves."""
    if drawn.warped is not None and drawn.warped.box == overlay.box:
        return drawn.warped
    box = placed(overlay, drawn.design)
    matrix = drawn.patch.to_picture(box, drawn.design.size)
    reach = covered(drawn.patch, matrix)
    height, width = picture.shape[:2]
    left, top = max(0, math.floor(reach.left)), max(0, math.floor(reach.top))
    right, bottom = min(width, math.ceil(reach.right) + 1), min(height, math.ceil(reach.bottom) + 1)
    if right <= left or bottom <= top:
        return None
    matrix = np.array([[1.0, 0, -left], [0, 1, -top], [0, 0, 1]]) @ matrix
    size = right - left, bottom - top
    drawn.warped = _Warped(
        overlay.box, _layer(drawn.patch.paper, matrix, size), _layer(drawn.patch.words, matrix, size), left, top
    )
    return drawn.warped


def _layer(pixels: Pixels, matrix: Matrix, size: tuple[int, int]) -> tuple[Pixels, Pixels]:
    """Pixels [h, w, 4] warped, as premultiplied colour and transparency."""
    import cv2

    warped = cv2.warpPerspective(pixels, matrix, size, flags=cv2.INTER_LINEAR)
    clear = cv2.bitwise_not(cv2.cvtColor(warped[..., 3], cv2.COLOR_GRAY2BGR))
    return cv2.cvtColor(warped, cv2.COLOR_BGRA2BGR), clear


def _blend(picture: Image, layer: tuple[Pixels, Pixels], at: _Warped) -> None:
    """Lay a warped layer over `picture`, in place."""
    import cv2

    color, clear = layer
    area = picture[at.top : at.top + clear.shape[0], at.left : at.left + clear.shape[1]]
    cv2.add(cv2.multiply(area, clear, scale=1 / 255), color, dst=area)
