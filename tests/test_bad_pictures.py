"""Pictures as they come, through the whole of `edge read`: what can be read is read, and the rest is one line each."""

import json
import subprocess

import numpy as np
import pytest
from PIL import Image, ImageDraw

from edge.hud.drawing import cover
from edge.sources.picture import read_picture

WORDS = "NO PARKING"
READ = ("cmyk.jpg", "deep.png", "moving.gif", "clear.png", "turned.jpg", "plain.jpg")
EMPTY = ("black.png", "long.png", "one.png", "tall.png")
REFUSED = {
    "half.jpg": "is cut off or damaged",
    "none.jpg": "does not exist",
    "text.jpg": "is no picture that can be decoded",
    "zero.jpg": "is empty (0 bytes)",
    "bomb.png": "is too large",
}


def _sign():
    sign = Image.new("L", (400, 200), 255)
    ImageDraw.Draw(sign).text((20, 60), WORDS, fill=0, font_size=50)
    return sign


@pytest.fixture
def zoo(tmp_path):
    sign = _sign()
    sign.convert("RGB").save(tmp_path / "plain.jpg")
    sign.convert("RGB").convert("CMYK").save(tmp_path / "cmyk.jpg")
    Image.fromarray(np.asarray(sign).astype(np.uint16) * 257).save(tmp_path / "deep.png")
    sign.convert("RGB").save(tmp_path / "moving.gif", save_all=True, append_images=[Image.new("RGB", (400, 200))])
    clear = Image.new("RGBA", (400, 200), (0, 0, 0, 0))
    clear.putalpha(sign.point(lambda grey: 255 - grey))
    clear.save(tmp_path / "clear.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    sign.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.jpg", exif=exif)
    Image.new("RGB", (64, 64)).save(tmp_path / "black.png")
    Image.new("RGB", (1, 1), "red").save(tmp_path / "one.png")
    Image.new("RGB", (20_000, 20), "white").save(tmp_path / "long.png")
    Image.new("RGB", (20, 20_000), "white").save(tmp_path / "tall.png")
    whole = (tmp_path / "plain.jpg").read_bytes()
    (tmp_path / "half.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.jpg").write_text("hello")
    (tmp_path / "zero.jpg").touch()
    Image.new("1", (9_000, 9_000)).save(tmp_path / "bomb.png")
    return tmp_path


@pytest.mark.models
def test_read_answers_every_picture(zoo, model_folder, edge_command):
    for model_id in ("ppocr-det-small", "ppocr-rec-small", "mt-en-pt"):
        model_folder(model_id)
    names = [*READ, *EMPTY, *REFUSED]
    command = [*edge_command, "read", *names, "--from", "en", "--to", "pt", "--json", "--draw", "drawn"]
    done = subprocess.run(command, cwd=zoo, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 2
    records = {record["file"]: record["regions"] for record in map(json.loads, done.stdout.splitlines())}
    assert set(records) == {*READ, *EMPTY}
    assert {name: [region["text"] for region in records[name]] for name in READ} == {key: [WORDS] for key in READ}
    assert {name: records[name] for name in EMPTY} == {key: [] for key in EMPTY}
    complaints = done.stderr.splitlines()
    assert len(complaints) == len(REFUSED)
    for complaint, (name, why) in zip(complaints, REFUSED.items(), strict=True):
        assert complaint.startswith(f"edge: picture {name} {why}")
    drawn = {path.stem: read_picture(path).shape[:2] for path in (zoo / "drawn").iterdir()}
    assert drawn["turned"] == drawn["plain"] == (200, 400)
    assert drawn["long"] == (20, 20_000)
    assert drawn["one"] == (1, 1)


@pytest.mark.parametrize("size", [(1, 1), (20, 20_000), (20_000, 20), (3, 3)])
def test_the_display_takes_any_size(size):
    shown = cover(np.full((*size, 3), 99, np.uint8), (960, 540))
    assert shown.shape == (540, 960, 3)
    assert (shown == 99).all()
