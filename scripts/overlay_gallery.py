# ruff: noqa: E501 - one sign a line
"""Draw a wall of signs in many scripts, turned and slanted, and their translations in place, to look at.

    python scripts/overlay_gallery.py FOLDER [--font FILE]...

Fonts are those given, then those installed from the catalogue, then those of the system. Writes, for each size of
display, the wall as it is and with each way of drawing translations, and a sheet of all.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw

from edge.app import load_fonts
from edge.events import Corners, SignTranslated
from edge.hub.store import ModelStore
from edge.hud.drawing import Painter
from edge.hud.fonts import FINE, Fonts
from edge.hud.overlay import Overlay
from edge.media import Image
from edge.settings import HudSettings

SIZES = ((640, 360), (960, 540), (1280, 720))
WALL = (960, 540)
WAYS = {
    "replace": HudSettings(),
    "source": HudSettings(sign_source=True),
    "below": HudSettings(overlay="below"),
    "black": HudSettings(backdrop="black"),
}
Color = tuple[int, int, int]


@dataclass(frozen=True)
class Board:
    """One sign on the wall.

    Attributes:
        text: its lines; for `vertical` ones its columns, from right to left.
        translation: into `target`.
        place: left and top, pixels of the wall.
        size: of its letters, pixels.
        ink: blue, green, red.
        paper: blue, green, red.
        turn: degrees, clockwise.
        slant: pixels by which the right side is lower and higher than the left one.
        shade: how much darker its right end is, 0..1.
    """

    text: str
    translation: str
    place: tuple[int, int]
    size: int
    ink: Color
    paper: Color
    source: str = "en"
    target: str = "pt"
    turn: float = 0.0
    slant: float = 0.0
    shade: float = 0.25
    vertical: bool = False


BOARDS = (
    Board("EXIT", "SAÍDA", (24, 20), 44, (255, 255, 255), (60, 120, 20)),
    Board("Please do not\nfeed the ducks", "Por favor, não dê comida aos patos", (230, 16), 26, (30, 30, 30), (210, 230, 240), turn=4),
    Board("NO PARKING", "PROIBIDO ESTACIONAR", (30, 148), 26, (255, 255, 255), (40, 40, 190), turn=-6),
    Board(
        "Opening hours\nMonday to Friday 9-17\nClosed on Sundays and holidays",
        "Horário de funcionamento: segunda a sexta, das 9 às 17 h. Fechado aos domingos e feriados",
        (560, 20), 15, (20, 20, 20), (230, 235, 235),
    ),
    Board("Toilets", "دورات المياه", (24, 236), 30, (250, 250, 250), (120, 60, 20), target="ar"),
    Board("Mind the step", "זהירות, מדרגה", (205, 160), 28, (0, 0, 0), (40, 210, 240), target="he", slant=14),
    Board("Fresh coffee and cakes", "新鲜咖啡和蛋糕", (470, 190), 20, (40, 60, 90), (200, 220, 235), target="zh"),
    Board("Emergency exit", "ทางออกฉุกเฉิน", (200, 262), 24, (255, 255, 255), (60, 130, 10), target="th"),
    Board("Caution wet floor", "सावधान, फर्श गीला है", (440, 262), 24, (0, 0, 0), (60, 220, 250), target="hi", turn=-3),
    Board("Push", "Empurre", (24, 330), 30, (120, 120, 120), (150, 150, 150)),
    Board("Ausgang\nnur für Personal", "Saída apenas para funcionários", (180, 345), 22, (90, 20, 10), (235, 245, 250), "de", slant=-16),
    Board("CUIDADO CON EL PERRO", "Beware of the dog", (430, 345), 20, (0, 220, 255), (20, 20, 20), "es", "en", turn=5),
    Board("牛肉面馆", "Casa de massas com carne", (740, 120), 30, (20, 220, 250), (30, 30, 160), "zh", vertical=True),
    Board("立入禁止\n工事中につき", "Entrada proibida: obras em curso", (820, 120), 24, (0, 0, 0), (60, 210, 250), "ja", vertical=True),
    Board("営業中", "营业中", (750, 320), 34, (20, 20, 150), (240, 240, 240), "ja", "zh", vertical=True),
    Board("愚园路", "Rua Yuyuan", (850, 320), 34, (255, 255, 255), (160, 80, 20), "zh", slant=12, vertical=True),
    Board("Coffee 2.50", "Café 2.50", (24, 430), 18, (240, 240, 240), (50, 50, 50)),
    Board("Sandwich with cheese 4.90", "Sanduíche com queijo 4.90", (24, 475), 18, (240, 240, 240), (50, 50, 50)),
    Board("ВХОД", "ENTRADA", (360, 430), 34, (255, 255, 255), (150, 70, 30), "ru", turn=12),
    Board("Τουαλέτες", "Banheiros", (520, 430), 30, (20, 20, 20), (190, 230, 190), "el"),
)  # fmt: skip


def wall(fonts: Fonts) -> tuple[Image, list[SignTranslated]]:
    """The wall, uint8 [540, 960, 3] BGR, and its signs, as a reader without faults would tell them."""
    down, across = np.mgrid[0 : WALL[1], 0 : WALL[0]]
    plaster = np.random.default_rng(3).normal(0, 4, (WALL[1], WALL[0], 1))
    picture = np.stack([150 + across * 0.06, 165 + down * 0.06, 175 + across * 0.02], axis=-1) + plaster
    image = np.clip(picture, 0, 255).astype(np.uint8)
    return image, [_hang(image, number, board, fonts) for number, board in enumerate(BOARDS, 1)]


def _hang(image: Image, number: int, board: Board, fonts: Fonts) -> SignTranslated:
    """Draw one board into `image`; what a reader would say of it."""
    drawn, lines = _upright(board, fonts)
    height, width = drawn.shape[:2]
    light = 1 - board.shade * np.linspace(0, 1, width)[None, :, None]
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    tilted = corners + np.array([(0, 0), (0, board.slant), (0, -board.slant), (0, 0)], np.float32)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -board.turn, 1.0)
    hung = tilted @ turn[:, :2].T + turn[:, 2] + np.array(board.place)
    matrix = cv2.getPerspectiveTransform(corners, hung.astype(np.float32))
    face = cv2.warpPerspective((drawn * light).astype(np.uint8), matrix, WALL, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.warpPerspective(np.full((height, width), 255, np.uint8), matrix, WALL)[..., None] / 255
    image[:] = np.round(image * (1 - cover) + face * cover)
    points = np.array(lines, np.float32).reshape(-1, 2)
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    box = ((left, top), (right, top), (right, bottom), (left, bottom))
    moved = [_moved(line, matrix) for line in (box, *lines)]
    text = board.text.replace("\n", "" if board.vertical else " ")
    return SignTranslated(
        0, number, moved[0], text, board.translation, board.source, board.target,
        tuple(moved[1:]), board.ink, board.paper, board.vertical,
    )  # fmt: skip


def _moved(box: Corners, matrix: np.ndarray) -> Corners:
    first, second, third, fourth = cv2.perspectiveTransform(np.array([box], np.float32), matrix)[0].tolist()
    return (first[0], first[1]), (second[0], second[1]), (third[0], third[1]), (fourth[0], fourth[1])


def _upright(board: Board, fonts: Fonts) -> tuple[Image, list[Corners]]:
    """The board seen straight on, and the corners of its lines."""
    size, rows = board.size, board.text.split("\n")
    pad, step = round(size * 0.7), round(size * 1.25)
    long = max(map(len, rows)) * size * 1.1 if board.vertical else max(fonts.measure(row, size) for row in rows)
    width, height = round(long) + 2 * pad, step * len(rows) + 2 * pad
    if board.vertical:
        width, height = height, width
    canvas = Pillow.new("RGB", (width * FINE, height * FINE), board.paper)
    draw = ImageDraw.Draw(canvas)
    lines: list[Corners] = []
    for number, row in enumerate(rows):
        if board.vertical:
            left, top = width - pad - step * (number + 1), pad
            for place, character in enumerate(row):
                _write(draw, character, (left + 0.12 * size, top + (1.1 * place + 0.9) * size), board, fonts)
            lines.append(_box(left + 0.1 * size, top, left + 1.1 * size, top + 1.1 * size * len(row), size))
        else:
            left, top = pad, pad + step * number
            _write(draw, row, (left, top + size), board, fonts)
            lines.append(_box(left, top + 0.22 * size, left + fonts.measure(row, size), top + 1.2 * size, size))
    return np.asarray(canvas.reduce(FINE), np.uint8), lines


def _write(draw: ImageDraw.ImageDraw, text: str, at: tuple[float, float], board: Board, fonts: Fonts) -> None:
    x = at[0] * FINE
    for run in fonts.runs(text, rtl=False):
        draw.text((x, at[1] * FINE), run.text, board.ink, fonts.font(run, board.size), anchor="ls")
        x += fonts.advance(run, board.size) * FINE


def _box(left: float, top: float, right: float, bottom: float, size: int) -> Corners:
    """The corners of a line, with some room around the letters, as text detection leaves it."""
    room = 0.15 * size
    left, top, right, bottom = left - room, top - room, right + room, bottom + room
    return (left, top), (right, top), (right, bottom), (left, bottom)


def main() -> None:
    """Draw everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--font", type=Path, action="append", default=[])
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    fonts = load_fonts(ModelStore(), tuple(given.font))
    image, signs = wall(fonts)
    overlays = [Overlay(sign, sign.box) for sign in signs]
    for size in SIZES:
        pictures = {"wall": cv2.resize(image, size, interpolation=cv2.INTER_AREA)}
        for way, settings in WAYS.items():
            seen = image if size == WALL else cv2.resize(image, (size[0] * 2, size[1] * 2))
            scale = seen.shape[1] / WALL[0]
            placed = [Overlay(o.sign, tuple((x * scale, y * scale) for x, y in o.box)) for o in overlays]  # type: ignore[arg-type]  # four of them
            backdrop = None if settings.backdrop == "black" else seen
            pictures[way] = Painter(size, fonts, settings).paint((), backdrop, placed, (seen.shape[1], seen.shape[0]))
        for way, picture in pictures.items():
            cv2.imwrite(str(given.folder / f"overlay-{way}-{size[1]}.png"), picture)
        cv2.imwrite(str(given.folder / f"overlay-sheet-{size[1]}.png"), np.vstack(list(pictures.values())))
    lacking = fonts.missing("".join(board.text + board.translation for board in BOARDS))
    print(f"{len(SIZES) * (len(WAYS) + 1)} pictures in {given.folder}; characters without a font: {lacking or 'none'}")


if __name__ == "__main__":
    main()
