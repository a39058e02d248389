"""Make the scene of the demo: a walk past signs and things, with somebody reading aloud.

    scripts/demo_scene.py out/demo/scene.mkv

Beside it go five views of the cup in it (cup1.png ...), to be taught. The photographs and the voice are the samples of
the catalogue (edge models pull demo-photo demo-things demo-speech); places and camera work are those of
edge/bench/film_places.py. The same samples give the same pictures.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from edge.bench.film import FONT, FPS, write_film
from edge.bench.film_places import DEMO_PLACES, Picture, build, look
from edge.hub.store import ModelStore
from edge.media import NS_PER_S
from edge.sources.picture import read_picture
from edge.sources.recording import read_audio

VIEWS = (
    (1.0, 0.5, 0.5, 1.0),
    (0.9, 0.2, 0.3, 0.85),
    (0.85, 0.7, 0.2, 1.1),
    (0.8, 0.4, 0.6, 0.9),
    (0.95, 0.9, 0.9, 1.0),
)
"""Zoom, place of the cut (shares of what is left over), brightness."""


def write(path: Path, places: list[Picture], speech: Path) -> None:
    """A film as long as the speech."""
    chunks = list(read_audio(speech))
    seconds = chunks[-1].ended_ns / NS_PER_S
    stay_s = seconds / len(places)
    pictures = (look(places, index / FPS, stay_s) for index in range(int(seconds * FPS)))
    write_film(path, pictures, chunks, preset="veryfast", crf=18)


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
    font_file = store.open(FONT[0]) / FONT[1]
    places = [build(place, store, font_file) for place in DEMO_PLACES]
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "scene.mkv")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_views(path.parent, read_picture(store.open("demo-things") / "coffee.png"))
    write(path, places, store.open("demo-speech") / "two_cities.wav")
    print(f"{path}: {len(places)} places")


if __name__ == "__main__":
    main()
