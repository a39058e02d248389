"""Make the scene of the demo: a walk past signs and things, with somebody reading aloud.

    scripts/demo_scene.py out/demo/scene.mkv

Beside it go five views of the cup in it (cup1.png ...), to be taught. The photographs and the voice are the samples of
the catalogue (edge models pull demo-photo demo-things demo-speech);
the signs are drawn on boards that stand in the picture in perspective. Camera work is made up: settle, drift, pan.
The same samples give the same pictures.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from edge.hub.store import ModelStore
from edge.media import NS_PER_S
from edge.sources.picture import read_picture
from edge.sources.recording import read_audio

SIZE = (960, 540)
FPS = 15
PAN_S = 0.5
"""Time for turning the head from one place to the next."""

VIEWS = (
    (1.0, 0.5, 0.5, 1.0),
    (0.9, 0.2, 0.3, 0.85),
    (0.85, 0.7, 0.2, 1.1),
    (0.8, 0.4, 0.6, 0.9),
    (0.95, 0.9, 0.9, 1.0),
)
"""Zoom, place of the cut (shares of what is left over), brightness."""

Picture = npt.NDArray[np.uint8]
Quad = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Board:
    """A sign. `corners` are shares of the picture: top-left, top-right, bottom-right, bottom-left."""

    text: str
    corners: Quad
    ink: tuple[int, int, int]
    paper: tuple[int, int, int]
    size: tuple[int, int] = (720, 300)


@dataclass(frozen=True)
class Place:
    """Somewhere to look at: a photograph, and boards in it."""

    photo: tuple[str, str]
    boards: tuple[Board, ...] = ()


PLACES = (
    Place(
        ("demo-photo", "china.jpg"),
        (
            Board(
                "TEMPLE GARDEN\nOpen daily from 9 to 17",
                ((0.14, 0.36), (0.48, 0.32), (0.48, 0.56), (0.14, 0.62)),
                (250, 246, 230),
                (34, 66, 41),
            ),
            Board(
                "Ticket office", ((0.58, 0.4), (0.84, 0.44), (0.84, 0.56), (0.58, 0.53)), (20, 20, 30), (236, 200, 80)
            ),
        ),
    ),
    Place(("demo-things", "coffee.png")),
    Place(
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
    ),
    Place(
        ("demo-things", "brick.png"),
        (
            Board(
                "EMERGENCY EXIT\nKeep this door closed",
                ((0.22, 0.22), (0.78, 0.18), (0.78, 0.6), (0.22, 0.56)),
                (255, 255, 255),
                (0, 110, 60),
            ),
        ),
    ),
)


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
    """The whole place, a little larger than the picture of the camera: BGR uint8."""
    model, name = place.photo
    photo = read_picture(store.open(model) / name)
    width, height = SIZE[0] * 5 // 4, SIZE[1] * 5 // 4
    scale = max(width / photo.shape[1], height / photo.shape[0])
    large = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    top, left = (large.shape[0] - height) // 2, (large.shape[1] - width) // 2
    scene: Picture = np.ascontiguousarray(large[top : top + height, left : left + width], np.uint8)
    for board in place.boards:
        front = cv2.cvtColor(draw_board(board, font_file), cv2.COLOR_RGB2BGR)
        w, h = board.size
        whole = np.array([(0, 0), (w, 0), (w, h), (0, h)], np.float32)
        turn = cv2.getPerspectiveTransform(
            whole, np.array(board.corners, np.float32) * np.array([width, height], np.float32)
        )
        mask = cv2.warpPerspective(np.full((h, w), 255, np.uint8), turn, (width, height), flags=cv2.INTER_AREA)
        laid = cv2.warpPerspective(front, turn, (width, height), flags=cv2.INTER_AREA)
        share = mask[..., None].astype(np.float32) / 255
        scene = (laid * share + scene * (1 - share)).astype(np.uint8)
    return scene


def look(places: list[Picture], time_s: float, stay_s: float) -> Picture:
    """What the camera sees at `time_s`: it stands for `stay_s` at each place, sways a little, and turns quickly."""
    number = min(int(time_s / stay_s), len(places) - 1)
    within = time_s - number * stay_s
    settle = max(0.0, 1 - within / 1.5)
    x = 0.5 + 0.12 * settle * math.sin(4 * within)
    y = 0.5 + 0.10 * settle * math.cos(3 * within)
    seen = _crop(places[number], x, y)
    left_s = stay_s - within
    if left_s >= PAN_S or number + 1 == len(places):
        return seen
    turned = int((1 - left_s / PAN_S) * SIZE[0])
    both = np.hstack([seen, _crop(places[number + 1], 0.5, 0.6)])
    smear = max(1, SIZE[0] // 20)
    return np.ascontiguousarray(cv2.blur(both[:, turned : turned + SIZE[0]], (smear, 1)))


def _crop(place: Picture, x: float, y: float) -> Picture:
    centre = (x * (place.shape[1] - SIZE[0]) + SIZE[0] / 2, y * (place.shape[0] - SIZE[1]) + SIZE[1] / 2)
    seen: Picture = cv2.getRectSubPix(place, SIZE, centre)
    return seen


def write(path: Path, places: list[Picture], speech: Path) -> None:
    """A film with lossless sound."""
    import av  # after cv2

    chunks = list(read_audio(speech))
    seconds = chunks[-1].ended_ns / NS_PER_S
    with av.open(str(path), "w") as film:
        video: Any = film.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "crf": "18"})
        video.width, video.height = SIZE
        video.pix_fmt = "yuv420p"
        audio: Any = film.add_stream("pcm_s16le", rate=chunks[0].sample_rate)
        audio.layout = "mono"
        for index in range(int(seconds * FPS)):
            picture = look(places, index / FPS, seconds / len(places))
            film.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        film.mux(video.encode())
        for chunk in chunks:
            samples = np.clip(chunk.samples * 32768, -32768, 32767).astype(np.int16)[None]
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate = chunk.sample_rate
            film.mux(audio.encode(frame))
        film.mux(audio.encode())


def write_views(folder: Path, photo: Picture) -> None:
    """Five views of what a photo shows: nearer and farther, from a little to the side, in other light."""
    height, width = photo.shape[:2]
    for number, (zoom, x, y, light) in enumerate(VIEWS, 1):
        h, w = int(height * zoom), int(width * zoom)
        top, left = int((height - h) * y), int((width - w) * x)
        view = np.clip(photo[top : top + h, left : left + w].astype(np.float32) * light, 0, 255)
        cv2.imwrite(str(folder / f"cup{number}.png"), view.astype(np.uint8))


def main() -> None:
    """Make the film that the command line names, and the views beside it."""
    store = ModelStore()
    font_file = store.open("font-noto-sans") / "NotoSans.ttf"
    places = [build(place, store, font_file) for place in PLACES]
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "scene.mkv")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_views(path.parent, read_picture(store.open("demo-things") / "coffee.png"))
    write(path, places, store.open("demo-speech") / "two_cities.wav")
    print(f"{path}: {len(places)} places")


if __name__ == "__main__":
    main()
