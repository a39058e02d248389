"""Pictures, folders and films in place of a camera."""

import wave

import av
import numpy as np
import pytest
from PIL import Image

from edge.errors import SourceError
from edge.sources import stand_in as module
from edge.sources.stand_in import open_stand_in


def _picture(path, value, size=(12, 8)):
    Image.new("RGB", size, (value, value, value)).save(path)
    return path


def _values(source, frames):
    pictures = iter(source)
    return [round(float(next(pictures).image.mean())) for _ in range(frames)]


@pytest.fixture
def hurry(monkeypatch):
    monkeypatch.setattr(module, "_STILL_FPS", 200.0)
    monkeypatch.setattr(module, "_STILL_S", 0.02)  # four frames each


def test_a_picture_is_shown_again_and_again(tmp_path, hurry):
    frames = iter(open_stand_in(_picture(tmp_path / "a.png", 77)))
    first, second = next(frames), next(frames)
    assert (first.index, second.index) == (0, 1)
    assert first.captured_ns < second.captured_ns
    assert first.image.shape == (8, 12, 3)
    assert np.array_equal(first.image, second.image)
    assert int(first.image[0, 0, 0]) == 77


def test_a_picture_is_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (12, 8)).save(tmp_path / "a.jpg", exif=exif)
    assert next(iter(open_stand_in(tmp_path / "a.jpg"))).image.shape == (12, 8, 3)


def test_a_folder_in_order_of_names(tmp_path, hurry):
    for name, value in (("b.png", 20), ("a.PNG", 10)):
        _picture(tmp_path / name, value)
    (tmp_path / "notes.txt").write_text("no picture")
    assert _values(open_stand_in(tmp_path), 12) == [10] * 4 + [20] * 4 + [10] * 4


def test_of_a_folder_what_cannot_be_read_is_left_out(tmp_path, hurry):
    (tmp_path / "a.jpg").write_text("no picture")
    _picture(tmp_path / "b.png", 20)
    (tmp_path / "c.png").touch()
    assert _values(open_stand_in(tmp_path), 8) == [20] * 8


def test_a_folder_that_is_emptied_while_it_is_shown_is_an_error(tmp_path, hurry):
    frames = iter(open_stand_in(_picture(tmp_path / "a.png", 1).parent))
    next(frames)
    (tmp_path / "a.png").unlink()
    with pytest.raises(SourceError, match=r"a\.png does not exist"):
        list(frames)


def test_a_film_over_and_over(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=100)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(5):
            image = np.full((48, 64, 3), 50 * index, np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        file.mux(stream.encode(None))
    assert [round(value / 50) for value in _values(open_stand_in(path), 7)] == [0, 1, 2, 3, 4, 0, 1]


def test_stand_ins_that_are_none(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.jpg").write_text("no picture")
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "bad.png").write_text("no picture")
    for name, match in (
        ("none", "does not exist; give a picture, a folder"),
        ("empty", "a folder without pictures"),
        ("a.heic", "is HEIC, which cannot be decoded here"),
        ("bad.jpg", "is no picture that can be decoded"),
        ("folder", r"bad\.png is no picture that can be decoded"),
    ):
        with pytest.raises(SourceError, match=match):
            open_stand_in(tmp_path / name)


def test_a_sound_file_is_no_camera(tmp_path):
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, 8_000, 0, "NONE", ""))
        file.writeframes(bytes(16_000))
    with pytest.raises(SourceError, match="has no pictures in it; use it as sound: --replay"):
        open_stand_in(tmp_path / "a.wav")


def test_closing_ends_it(tmp_path):
    still = open_stand_in(_picture(tmp_path / "a.png", 1))
    pictures = iter(still)
    next(pictures)
    still.close()
    assert list(pictures) == []
