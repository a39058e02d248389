"""Signs to read: drawn ones whose text and place are known exactly, and photos of a folder of evaluation data.

The drawn ones stand in perspective on boards before a made-up background, pale, blurred and noisy as cheap cameras see
them across a street, in English, Portuguese and Chinese, every picture with four lines. The same fonts give the same
pictures, bit for bit.
"""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from edge.bench.scoring import letters
from edge.hub.store import ModelStore
from edge.media import Image
from edge.perception.text_geometry import Corners

FONTS = ("font-noto-sans", "font-wqy-microhei")
SIZE = (1280, 720)
"""Width and height of the drawn pictures, as cameras give them."""

_LATIN, _CHINESE = FONTS
_FRONT = (640, 360)
_MARGIN = 28
_BLUR = 1.5
_NOISE = 9.0
_WIDE = 0x2E80
"""First code point of the Chinese characters and what goes with them."""

Colour = tuple[int, int, int]
Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Board:
    """A board with lines of text.

    Attributes:
        lines: of text.
        corners: in shares of the picture: top left, top right, bottom right, bottom left.
        ink: of the letters, BGR.
        paper: of the board, BGR.
    """

    lines: tuple[str, ...]
    corners: Points
    ink: Colour
    paper: Colour


PICTURES: tuple[tuple[Board, ...], ...] = (
    (
        Board(
            ("CAUTION", "WET FLOOR"),
            ((0.142, 0.281), (0.34, 0.248), (0.34, 0.501), (0.148, 0.49)),
            (36, 96, 112),
            (60, 210, 250),
        ),
        Board(
            ("Restrooms", "on level 2"),
            ((0.634, 0.403), (0.843, 0.436), (0.838, 0.635), (0.634, 0.646)),
            (206, 178, 158),
            (140, 70, 20),
        ),
    ),
    (
        Board(
            ("Coffee 2.50", "Green tea 2.20", "Orange juice 3.80", "Cheese sandwich 5.40"),
            ((0.427, 0.345), (0.593, 0.33), (0.6, 0.59), (0.42, 0.575)),
            (156, 161, 160),
            (46, 44, 40),
        ),
    ),
    (
        Board(
            ("PROIBIDO", "ESTACIONAR"),
            ((0.14, 0.244), (0.36, 0.288), (0.355, 0.519), (0.146, 0.53)),
            (124, 118, 214),
            (250, 250, 250),
        ),
        Board(
            ("Saída de", "emergência"),
            ((0.649, 0.232), (0.863, 0.199), (0.869, 0.419), (0.649, 0.43)),
            (181, 205, 157),
            (70, 130, 10),
        ),
    ),
    (
        Board(
            ("Horário de atendimento", "Segunda a sexta: 8h às 18h", "Sábado: 9h às 13h", "Padaria São João"),
            ((0.392, 0.374), (0.608, 0.396), (0.604, 0.59), (0.396, 0.619)),
            (116, 114, 114),
            (200, 225, 240),
        ),
    ),
    (
        Board(
            ("地铁站入口", "请勿吸烟"),
            ((0.164, 0.297), (0.373, 0.319), (0.368, 0.561), (0.164, 0.583)),
            (213, 177, 165),
            (150, 60, 30),
        ),
        Board(
            ("欢迎光临", "WELCOME"),
            ((0.643, 0.316), (0.841, 0.284), (0.847, 0.526), (0.649, 0.514)),
            (108, 112, 192),
            (225, 235, 240),
        ),
    ),
)
"""What is drawn. Every picture has `LINES` lines."""

LINES = 4


@dataclass(frozen=True)
class DrawnLine:
    """A line of text in a picture.

    Attributes:
        text: as it was drawn.
        corners: float32 [4, 2] around its ink, pixels of the picture, in the order in which it is read.
    """

    text: str
    corners: Corners = field(repr=False)


@dataclass(frozen=True)
class DrawnPicture:
    """A picture, uint8 [height, width, 3] BGR, and all that stands in it."""

    image: Image = field(repr=False)
    lines: tuple[DrawnLine, ...]


@dataclass(frozen=True)
class Photo:
    """A photo, and the letters that must and that may be read in it."""

    path: Path
    required: Counter[str]
    optional: Counter[str]


def drawn_signs(store: ModelStore) -> tuple[DrawnPicture, ...]:
    """All pictures.

    Raises:
        ModelNotFoundError: a font is not installed; says to pull it.
        ModelCorruptError: its bytes changed.
    """
    fonts = {id_: font_file(store.open(id_)) for id_ in FONTS}
    return tuple(_picture(boards, fonts, seed) for seed, boards in enumerate(PICTURES, 1))


def sign_photos(data: Path) -> tuple[Photo, ...]:
    """Photos of `data`/signs/manifest.tsv (file, text, optional_text); none where there is no manifest."""
    manifest = data / "signs" / "manifest.tsv"
    if not manifest.is_file():
        return ()
    with manifest.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    return tuple(
        Photo(manifest.parent / row["file"], letters(row["text"]), letters(row["optional_text"])) for row in rows
    )


def _picture(boards: tuple[Board, ...], fonts: dict[str, Path], seed: int) -> DrawnPicture:
    import cv2

    random = np.random.default_rng(seed)
    picture = _background(random)
    lines: list[DrawnLine] = []
    for board in boards:
        front, boxes = _front(board, fonts)
        target = np.array(board.corners, np.float32) * np.array(SIZE, np.float32)
        matrix = cv2.getPerspectiveTransform(_rectangle(0, 0, *_FRONT), target)
        warped = cv2.warpPerspective(front, matrix, SIZE, flags=cv2.INTER_AREA)
        covered = cv2.warpPerspective(np.full(front.shape[:2], 255, np.uint8), matrix, SIZE)
        share = covered[..., None].astype(np.float32) / 255
        picture = picture * (1 - share) + warped * share
        for text, box in zip(board.lines, boxes, strict=True):
            corners = cv2.perspectiveTransform(_rectangle(*box)[None], matrix)[0]
            lines.append(DrawnLine(text, np.asarray(corners, np.float32)))
    seen = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), _BLUR)
    seen += random.normal(0, _NOISE, seen.shape).astype(np.float32)
    return DrawnPicture(np.clip(seen, 0, 255).astype(np.uint8), tuple(lines))


def _front(board: Board, fonts: dict[str, Path]) -> tuple[Image, list[tuple[float, float, float, float]]]:
    """The board seen from the front, and left, top, right, bottom of the ink of each line."""
    width, height = _FRONT
    image = Pillow.new("RGB", _FRONT, board.paper[::-1])
    draw = ImageDraw.Draw(image)
    draw.rectangle((6, 6, width - 7, height - 7), outline=board.ink[::-1], width=4)
    step = (height - 2 * _MARGIN) / len(board.lines)
    boxes = []
    for number, text in enumerate(board.lines):
        font = _fitting(text, fonts, step * 0.72, width - 4 * _MARGIN)
        middle = (width / 2, _MARGIN + (number + 0.5) * step)
        draw.text(middle, text, board.ink[::-1], font, anchor="mm")
        boxes.append(draw.textbbox(middle, text, font, anchor="mm"))
    return np.ascontiguousarray(np.asarray(image, np.uint8)[..., ::-1]), boxes


def _fitting(text: str, fonts: dict[str, Path], height: float, width: float) -> ImageFont.FreeTypeFont:
    """The font that has the characters, as large as fits."""
    file = fonts[_CHINESE if any(ord(character) >= _WIDE for character in text) else _LATIN]
    font = ImageFont.truetype(str(file), round(height))
    return ImageFont.truetype(str(file), max(8, int(height * min(1.0, width / font.getlength(text)))))


def _background(random: np.random.Generator) -> npt.NDArray[np.float32]:
    """A wall: light that changes slowly, and a rail. float32 [height, width, 3]."""
    import cv2

    coarse = random.uniform(70, 170, (5, 8, 3)).astype(np.float32)
    wall = np.asarray(cv2.resize(coarse, SIZE, interpolation=cv2.INTER_CUBIC), np.float32)
    top = int(random.integers(620, 680))
    wall[top : top + 18] *= 0.55
    return wall


def _rectangle(left: float, top: float, right: float, bottom: float) -> Corners:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


def font_file(folder: Path) -> Path:
    """The font in the folder of its model."""
    return next(file for file in sorted(folder.iterdir()) if file.suffix in {".ttf", ".ttc", ".otf"})
