"""edge recognize, teach, forget and taught with the real recogniser, as another program sees them."""

import json
import os
import subprocess

import cv2
import numpy as np
import pytest

from edge.hub.store import ModelStore
from edge.settings import SceneSettings

pytestmark = pytest.mark.models

PATIENCE_S = 60
PHOTOS = {
    "caltech101/accordion": "accordion",
    "caltech101/sunflower": "sunflower",
    "caltech101/dalmatian": "dalmatian",
    "grocery/banana": "banana",
}


@pytest.fixture
def edge(edge_command, model_folder, tmp_path):
    """Function that runs a command in an empty folder with nothing taught: exit code, stdout, stderr."""
    model_folder(SceneSettings().model)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EDGE_")}
    (tmp_path / "settings.toml").write_text(f'scene.taught = "{tmp_path / "taught"}"\n', encoding="utf-8")
    environment |= {"EDGE_MODELS": str(ModelStore().root), "EDGE_SETTINGS": str(tmp_path / "settings.toml")}

    def run(*arguments):
        command = [*edge_command, *map(str, arguments)]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, timeout=PATIENCE_S, check=False, text=True
        )
        return done.returncode, done.stdout, done.stderr

    return run


def draw(kind, seed):
    """A thing on a table in one of its views: a striped box, a ringed disc."""
    generator = np.random.default_rng([len(kind), seed])
    table = cv2.GaussianBlur(generator.integers(90, 200, (360, 480, 3)).astype(np.uint8), (0, 0), 12)
    thing = np.zeros((200, 200, 3), np.uint8)
    mask = np.zeros((200, 200), np.uint8)
    if kind == "box":
        mask[:] = 255
        thing[:] = (30, 30, 200)
        for x in range(0, 200, 40):
            thing[:, x : x + 20] = (230, 230, 30)
    else:
        cv2.circle(mask, (100, 100), 95, 255, -1)
        for radius, color in ((95, (20, 160, 20)), (65, (250, 250, 250)), (35, (160, 20, 120))):
            cv2.circle(thing, (100, 100), radius, color, -1)
    corners = np.float32([[0, 0], [200, 0], [200, 200], [0, 200]])
    middle = np.float32([240, 180]) + generator.uniform(-30, 30, 2).astype(np.float32)
    moved = (corners - 100) * generator.uniform(1.1, 1.5) + middle + generator.uniform(-20, 20, (4, 2))
    transform = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    seen, where = (cv2.warpPerspective(part, transform, (480, 360)) for part in (thing, mask))
    return np.where(where[..., np.newaxis] > 127, seen, table)


@pytest.fixture
def views(tmp_path):
    """Function that writes views of a drawn thing and gives their names."""

    def write(kind, numbers):
        names = [f"{kind}{number}.jpg" for number in numbers]
        for name, number in zip(names, numbers, strict=True):
            assert cv2.imwrite(str(tmp_path / name), draw(kind, number))
        return names

    return write


def labels(out):
    return [json.loads(line)["categories"][0]["label"] for line in out.splitlines()]


def test_teach_recognise_and_forget(edge, views):
    assert edge("teach", "tea box", "--images", *views("box", range(5)))[:2] == (
        0,
        "tea box: 5 views added, 5 in all\n",
    )
    others = views("box", range(20, 30))
    code, out, err = edge("recognize", *others, *views("disc", range(5)), "--json", "--lang", "pt")
    assert (code, err) == (0, "")
    assert labels(out)[:10].count("tea box") >= 9
    assert "tea box" not in labels(out)[10:]
    assert edge("taught", "--json")[1] == '{"name": "tea box", "views": 5, "usable": true}\n'
    assert edge("forget", "tea box")[0] == 0
    assert "tea box" not in labels(edge("recognize", *others, "--json")[1])


def test_pictures_of_nothing_of_one_pixel_and_of_odd_shapes(edge, tmp_path):
    shapes = {"dot.png": (1, 1), "line.png": (1, 3000), "tower.png": (3000, 2), "wall.png": (500, 700)}
    for name, shape in shapes.items():
        cv2.imwrite(str(tmp_path / name), np.full((*shape, 3), 90, np.uint8))
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3)).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "noise.png"), noise)
    code, out, err = edge("recognize", *shapes, "noise.png", "--json", "--top", "3")
    assert (code, err) == (0, "")
    assert labels(out) == ["unknown"] * 5


@pytest.mark.shared
def test_photographs_that_everybody_knows(edge, shared_data):
    folder = shared_data / "recognition"
    files = [sorted((folder / place).iterdir())[3] for place in PHOTOS]
    code, out, err = edge("recognize", *files, "--json", "--lang", "en")
    assert (code, err) == (0, "")
    assert sum(said == wanted for said, wanted in zip(labels(out), PHOTOS.values(), strict=True)) >= 3
