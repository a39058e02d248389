"""Every form of the table in edge/sources/uri.py, and nonsense."""

from pathlib import Path

import pytest

from edge.errors import SourceError
from edge.sources.uri import CameraUri, parse_camera, parse_microphone


@pytest.mark.parametrize(
    ("text", "device"),
    [
        (None, None),
        ("default", None),
        ("mic://default", None),
        ("MIC://Default", None),
        ("2", 2),
        ("mic://2", 2),
        ("USB", "USB"),
        ("mic://USB%20Audio", "USB Audio"),
        ("USB Audio: - (hw:1,0)", "USB Audio: - (hw:1,0)"),
        ("2nd microphone", "2nd microphone"),
    ],
)
def test_microphones(text, device):
    assert parse_microphone(text) == device


@pytest.mark.parametrize("text", ["", "  ", "mic://", "http://host/mic", "alsa://2"])
def test_no_microphones(text):
    with pytest.raises(SourceError, match="edge devices lists them"):
        parse_microphone(text)


@pytest.mark.parametrize(
    ("text", "camera"),
    [
        ("0", CameraUri("number", number=0)),
        ("12", CameraUri("number", number=12)),
        ("/dev/video0", CameraUri("device", path=Path("/dev/video0"))),
        ("csi://0", CameraUri("csi", number=0)),
        ("CSI://1", CameraUri("csi", number=1)),
        ("rtsp://user:pw@10.0.0.2:554/live", CameraUri("network", address="rtsp://user:pw@10.0.0.2:554/live")),
        ("http://10.0.0.2/cam.mjpg", CameraUri("network", address="http://10.0.0.2/cam.mjpg")),
        ("photo.jpg", CameraUri("file", path=Path("photo.jpg"))),
        ("photos/", CameraUri("file", path=Path("photos"))),
        ("file:///home/me/my%20walk.mp4", CameraUri("file", path=Path("/home/me/my walk.mp4"))),
    ],
)
def test_cameras(text, camera):
    assert parse_camera(text) == camera


@pytest.mark.parametrize("text", ["", " ", "csi://", "csi://front", "rtsp://", "ftp://host/film.mp4", "file://"])
def test_no_cameras(text):
    with pytest.raises(SourceError, match="a picture, a folder or a film"):
        parse_camera(text)


@pytest.mark.parametrize("text", ["0", "/dev/video0", "csi://0", "photo.jpg", "http://10.0.0.2/cam.mjpg"])
def test_cameras_are_told_as_they_were_written(text):
    assert str(parse_camera(text)) == text


def test_a_password_is_not_told():
    assert str(parse_camera("rtsp://user:secret@10.0.0.2:554/live")) == "rtsp://10.0.0.2:554/live"


def test_every_row_of_the_table_is_understood():
    """The docstring is quoted by the documentation: what it promises has to parse."""
    import edge.sources.uri as module

    rows = [line.split("|") for line in (module.__doc__ or "").splitlines() if line.startswith("| `--")]
    assert len(rows) == 8
    for row in rows:
        parse = parse_microphone if "--mic" in row[1] else parse_camera
        for written in row[2].split(","):
            parse(written.strip().strip("`").replace("...", "host/x"))
