"""Places to look at: a photograph of the catalogue, with boards and things drawn into it, and how a camera sees them.

The boards stand in the picture in perspective. Camera work is made up: settle, drift, pan. The same samples give the
same pictures. A place is 5/4 as large as what the camera sees of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from edge.hub.store import ModelStore
from edge.sources.picture import read_picture

SIZE = (960, 540)
"""Of the pictures of the camera: width, height."""
PAN_S = 0.5
"""Time for turning the head from one place to the next."""
PLACE = (SIZE[0] * 5 // 4, SIZE[1] * 5 // 4)

Picture = npt.NDArray[np.uint8]
Quad = tuple[tuple[float, float], ...]
Color = tuple[int, int, int]
Sway = Callable[[float, float], tuple[float, float]]
"""Where the camera points, as shares of what is left over of the place, so many seconds into a stay of so many."""


@dataclass(frozen=True)
class Board:
    """A sign. `corners` are shares of the place: top-left, top-right, bottom-right, bottom-left; colours are RGB."""

    text: str
    corners: Quad
    ink: Color
    paper: Color
    size: tuple[int, int] = (720, 300)


@dataclass(frozen=True)
class Thing:
    """Something that the default recogniser knows, drawn into the place.

    Attributes:
        label: its category: `stop_sign` or `yin_yang`.
        centre: shares of the place.
        radius: pixels of the place.
    """

    label: str
    centre: tuple[float, float] = (0.5, 0.48)
    radius: int = 190


@dataclass(frozen=True)
class Place:
    """Somewhere to look at: model and file of a photograph, boards in it, and what it is for the recogniser."""

    photo: tuple[str, str]
    boards: tuple[Board, ...] = ()
    thing: Thing | None = None


TEMPLE = Place(
    ("demo-photo", "china.jpg"),
    (
        Board(
            "TEMPLE GARDEN\nOpen daily from 9 to 17",
            ((0.14, 0.36), (0.48, 0.32), (0.48, 0.56), (0.14, 0.62)),
            (250, 246, 230),
            (34, 66, 41),
        ),
        Board("Ticket office", ((0.58, 0.4), (0.84, 0.44), (0.84, 0.56), (0.58, 0.53)), (20, 20, 30), (236, 200, 80)),
    ),
)
CUP = Place(("demo-things", "coffee.png"))
MENU = Place(
    ("demo-things", "brick.png"),
    (
        Board(
            "Today's specials\nGrilled fish with rice   12.50\nVegetable soup   4.80\nApple pie   3.90",
            ((0.3, 0.12), (0.74, 0.15), (0.73, 0.66), (0.29, 0.69)),
            (245, 245, 240),
            (40, 44, 48),
            (720, 520),
        ),
    ),
)
EXIT = Place(
    ("demo-things", "brick.png"),
    (
        Board(
            "EMERGENCY EXIT\nKeep this door closed",
            ((0.22, 0.22), (0.78, 0.18), (0.78, 0.6), (0.22, 0.56)),
            (255, 255, 255),
            (0, 110, 60),
        ),
    ),
)
STOP = Place(("demo-things", "brick.png"), thing=Thing("stop_sign"))
EMBLEM = Place(("demo-things", "brick.png"), thing=Thing("yin_yang"))

DEMO_PLACES = (TEMPLE, CUP, MENU, EXIT)


def draw_board(board: Board, font_file: Path) -> Picture:
    """The board seen from the front: RGB uint8 [height, width, 3]."""
    width, height = board.size
    image = Image.new("RGB", board.size, board.paper)
    draw = ImageDraw.Draw(image)
    draw.rectangle((8, 8, width - 9, height - 9), outline=board.ink, width=4)
    for points in range(100, 10, -2):
        font = ImageFont.truetype(font_file, points)
        left, top, right, bottom = draw.multiline_textbbox((0, 0), board.text, font, spacing=points // 4)
        if right - left < width - 60 and bottom - top < height - 50:
            break
    at = ((width - (right - left)) / 2 - left, (height - (bottom - top)) / 2 - top)
    draw.multiline_text(at, board.text, board.ink, font, spacing=points // 4, align="center")
    return np.asarray(image)


def build(place: Place, store: ModelStore, font_file: Path) -> Picture:
    """The whole place, a little larger than the picture of the camera: BGR uint8.

    Raises:
        ModelNotFoundError: says which sample to pull.
    """
    model, name = place.photo
    photo = read_picture(store.open(model) / name)
    width, height = PLACE
    scale = max(width / photo.shape[1], height / photo.shape[0])
    large = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    top, left = (large.shape[0] - height) // 2, (large.shape[1] - width) // 2
    scene: Picture = np.ascontiguousarray(large[top : top + height, left : left + width], np.uint8)
    for board in place.boards:
        scene = _put_up(board, scene, font_file)
    return _with_thing(place.thing, scene, font_file) if place.thing is not None else scene


def _put_up(board: Board, scene: Picture, font_file: Path) -> Picture:
    width, height = PLACE
    front = cv2.cvtColor(draw_board(board, font_file), cv2.COLOR_RGB2BGR)
    w, h = board.size
    whole = np.array([(0, 0), (w, 0), (w, h), (0, h)], np.float32)
    turn = cv2.getPerspectiveTransform(
        whole, np.array(board.corners, np.float32) * np.array([width, height], np.float32)
    )
    mask = cv2.warpPerspective(np.full((h, w), 255, np.uint8), turn, (width, height), flags=cv2.INTER_AREA)
    laid = cv2.warpPerspective(front, turn, (width, height), flags=cv2.INTER_AREA)
    share = mask[..., None].astype(np.float32) / 255
    both: Picture = (laid * share + scene * (1 - share)).astype(np.uint8)
    return both


def _with_thing(thing: Thing, scene: Picture, font_file: Path) -> Picture:
    draw = {"stop_sign": _stop_sign, "yin_yang": _yin_yang}[thing.label]
    centre = (round(thing.centre[0] * PLACE[0]), round(thing.centre[1] * PLACE[1]))
    image = Image.fromarray(np.ascontiguousarray(scene[..., ::-1]))
    draw(ImageDraw.Draw(image), centre, thing.radius, font_file)
    return np.ascontiguousarray(np.asarray(image)[..., ::-1])


def _stop_sign(draw: ImageDraw.ImageDraw, centre: tuple[int, int], radius: int, font_file: Path) -> None:
    x, y = centre
    draw.rectangle((x - radius * 0.06, y, x + radius * 0.06, PLACE[1]), fill=(120, 120, 120))
    for reach, color in ((1.0, (255, 255, 255)), (0.94, (190, 20, 30))):
        turns = [math.pi / 8 + corner * math.pi / 4 for corner in range(8)]
        draw.polygon(
            [(x + reach * radius * math.cos(turn), y + reach * radius * math.sin(turn)) for turn in turns], color
        )
    font = ImageFont.truetype(font_file, int(radius * 0.62))
    draw.text((x, y), "STOP", (255, 255, 255), font, anchor="mm", stroke_width=max(1, radius // 50))


def _yin_yang(draw: ImageDraw.ImageDraw, centre: tuple[int, int], radius: int, _font_file: Path) -> None:
    x, y = centre
    black, white = (15, 15, 15), (245, 245, 245)

    def disc(cy: float, r: float, color: Color) -> None:
        draw.ellipse((x - r, cy - r, x + r, cy + r), color)

    disc(y, radius * 13 / 12, black)
    disc(y, radius, white)
    draw.pieslice((x - radius, y - radius, x + radius, y + radius), 90, 270, black)
    for cy, large, small in ((y - radius / 2, black, white), (y + radius / 2, white, black)):
        disc(cy, radius / 2, large)
        disc(cy, radius / 8, small)


def settle(within_s: float, _stay_s: float) -> tuple[float, float]:
    """A head that comes to rest in 1.5 s and then stands still."""
    swing = max(0.0, 1 - within_s / 1.5)
    return 0.5 + 0.12 * swing * math.sin(4 * within_s), 0.5 + 0.10 * swing * math.cos(3 * within_s)


STILL_SHARE = 0.6
"""Of a stay in `drift`, before the camera moves again."""


def drift(within_s: float, stay_s: float) -> tuple[float, float]:
    """A head that stands still at once, and after `STILL_SHARE` of the stay moves slowly on."""
    gone = max(0.0, within_s / stay_s - STILL_SHARE) / (1 - STILL_SHARE)
    eased = (1 - math.cos(math.pi * gone)) / 2
    return 0.5 + 0.18 * eased, 0.6 - 0.12 * eased


def look(places: Sequence[Picture], time_s: float, stay_s: float, sway: Sway = settle) -> Picture:
    """What the camera sees at `time_s`: it stays for `stay_s` at each place, sways a little, and turns quickly."""
    number = min(int(time_s / stay_s), len(places) - 1)
    within = time_s - number * stay_s
    seen = crop(places[number], *sway(within, stay_s))
    left_s = stay_s - within
    if left_s >= PAN_S or number + 1 == len(places):
        return seen
    turned = int((1 - left_s / PAN_S) * SIZE[0])
    both = np.hstack([seen, crop(places[number + 1], 0.5, 0.6)])
    smear = max(1, SIZE[0] // 20)
    return np.ascontiguousarray(cv2.blur(both[:, turned : turned + SIZE[0]], (smear, 1)))


def crop(place: Picture, x: float, y: float) -> Picture:
    """The camera's picture of a place; `x` and `y` are shares of what is left over."""
    centre = (x * (place.shape[1] - SIZE[0]) + SIZE[0] / 2, y * (place.shape[0] - SIZE[1]) + SIZE[1] / 2)
    seen: Picture = cv2.getRectSubPix(place, SIZE, centre)
    return seen


def corners_seen(quad: Quad, x: float, y: float) -> Quad:
    """Where shares of a place are in the camera's picture of it, in pixels."""
    left, top = x * (PLACE[0] - SIZE[0]), y * (PLACE[1] - SIZE[1])
    return tuple((u * PLACE[0] - left, v * PLACE[1] - top) for u, v in quad)
