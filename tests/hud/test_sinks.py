import io
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from edge.errors import SinkError
from edge.events import (
    AudioLost,
    ObjectsDetected,
    SceneRecognized,
    SeenObject,
    SenseChanged,
    SessionStarted,
    SignsMoved,
    SignTranslated,
    SourceLost,
    SourceRestored,
    SpeechStarted,
    StageFailed,
    Subtitle,
)
from edge.hud import sinks
from edge.hud.sinks import ConsoleSink, FramesSink, SnapshotSink, WindowSink, console_lines, open_sink
from edge.hud.video import VideoSink
from edge.settings import HudSettings

SETTINGS = HudSettings()
CAPTION = Subtitle(0, 1, "Good morning.", "Bom dia.", "en", "pt")


def picture(blue, green, red):
    return np.full((90, 160, 3), (blue, green, red), np.uint8)


def rgb(path):
    with Image.open(path) as image:
        return image.convert("RGB").getpixel((5, 5))


@pytest.mark.parametrize(
    ("uri", "kind"),
    [
        ("console", ConsoleSink),
        ("frames:{}/some/folder", FramesSink),
        ("{}/a.png", SnapshotSink),
        ("{}/a.MP4", VideoSink),
    ],
)
def test_open_sink(tmp_path, uri, kind):
    with open_sink(uri.format(tmp_path), SETTINGS) as sink:
        assert type(sink) is kind
        assert sink.name
        assert sink.poll(0) is True


@pytest.mark.parametrize("uri", ["", "screen", "a.gif", "frames:", "window:1", "console:x", "http://a/b"])
def test_unknown_sink_says_what_there_is(uri):
    with pytest.raises(SinkError, match=r"window, console, frames:FOLDER, FILE\.mp4 or FILE\.png"):
        open_sink(uri, SETTINGS)


@pytest.mark.parametrize("uri", ["{}/no/a.mp4", "{}/no/a.png", "frames:{}/file/b", "{}/folder.png", "{}/folder.mp4"])
def test_unwritable_fails_before_anything_else(tmp_path, uri):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "folder.mp4").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(SinkError, match="cannot be written") as caught:
        open_sink(uri.format(tmp_path), SETTINGS)
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_frames_are_written_in_order_with_their_time(tmp_path):
    with FramesSink(tmp_path) as sink:
        sink.show(picture(0, 0, 255), 10)
        sink.show(picture(255, 0, 0), 20)
    index = [json.loads(line) for line in (tmp_path / "index.jsonl").read_text().splitlines()]
    assert index == [{"file": "000000.png", "now_ns": 10}, {"file": "000001.png", "now_ns": 20}]
    assert rgb(tmp_path / "000000.png") == (255, 0, 0)
    assert rgb(tmp_path / "000001.png") == (0, 0, 255)
    assert not list(tmp_path.glob("*.part"))


def test_a_frame_that_cannot_be_written_is_an_error(tmp_path):
    sink = FramesSink(tmp_path)
    (tmp_path / "000000.png.part").symlink_to("/dev/full")
    with pytest.raises(SinkError, match="cannot be written"):
        sink.show(picture(0, 0, 255), 10)
    sink.close()


def test_snapshot_is_the_picture_of_the_last_caption(tmp_path):
    with SnapshotSink(tmp_path / "a.png") as sink:
        sink.show(picture(9, 9, 9), 0)
        sink.tell(CAPTION)
        sink.show(picture(0, 0, 255), 1)
        sink.show(picture(255, 0, 0), 2)
        assert list(tmp_path.iterdir()) == []
    assert rgb(tmp_path / "a.png") == (255, 0, 0)


def test_snapshot_without_captions_is_the_last_picture(tmp_path):
    with SnapshotSink(tmp_path / "a.png") as sink:
        sink.show(picture(9, 9, 9), 0)
        sink.show(picture(255, 0, 0), 2)
    assert rgb(tmp_path / "a.png") == (0, 0, 255)
    with SnapshotSink(tmp_path / "b.png"):
        pass
    assert not (tmp_path / "b.png").exists()


def objects():
    cup = SeenObject(1, "cup", "xícara", 0.926, (0, 0, 9, 9))
    return ObjectsDetected(0, (cup, replace(cup, number=2, label="dog", name="cão", score=0.7)), "pt")


def sign(translation, text="EXIT"):
    return SignTranslated(0, 1, ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0)), text, translation, "en", "pt")


@pytest.mark.parametrize(
    ("event", "show", "lines"),
    [
        (CAPTION, "both", ["en  Good morning.", "pt  Bom dia."]),
        (CAPTION, "translation", ["pt  Bom dia."]),
        (CAPTION, "source", ["en  Good morning."]),
        (Subtitle(0, 1, "Bom dia.", "Bom dia.", "pt", "pt"), "both", ["pt  Bom dia."]),
        (Subtitle(0, 1, "Good", "Bom", "en", "pt", is_final=False), "both", []),
        (AudioLost(0, 1.26), "both", ["!   1.3 s of speech were skipped"]),
        (SourceLost(0, "mic", "Microphone unplugged"), "both", ["!   Microphone unplugged"]),
        (SourceRestored(0, "mic"), "both", ["!   mic is back"]),
        (StageFailed(0, "speech", "no memory"), "both", ["!   speech: no memory"]),
        (SpeechStarted(0, 1), "both", []),
        (sign("SAÍDA"), "both", ["[sign] SAÍDA <- EXIT"]),
        (sign(None), "both", ["[sign] EXIT"]),
        (sign("EXIT"), "both", ["[sign] EXIT"]),
        (sign("Não dê\ncomida", "Do not\nfeed"), "both", ["[sign] Não dê comida <- Do not feed"]),
        (SignsMoved(0, ()), "both", []),
        (SceneRecognized(0, "mug", "caneca", 0.926, "pt"), "both", ["[scene] caneca (0.93)"]),
        (SceneRecognized(0, "unknown", "desconhecido", 0.2, "pt"), "both", []),
        (objects(), "both", ["[objects] xícara (0.93), cão (0.70)"]),
        (ObjectsDetected(0, (), "pt"), "both", ["[objects] none"]),
        (SenseChanged(0, "signs", "off", "lag"), "both", ["!   signs paused: speech first"]),
        (SenseChanged(0, "signs", "full", "recovered"), "both", ["!   signs back at full speed"]),
        (SessionStarted(0, (), "pt"), "both", []),
    ],
)
def test_console_lines(event, show, lines):
    assert console_lines(event, show) == lines


def test_the_console_tells_of_things_that_came_or_went_and_not_of_those_that_moved():
    stream = io.StringIO()
    sink = ConsoleSink(stream)
    cup, dog = objects().objects
    for things in ((cup,), (replace(cup, box=(5, 5, 9, 9)),), (cup, dog), (cup, replace(dog, score=0.6)), ()):
        sink.tell(ObjectsDetected(0, things, "pt"))
    assert stream.getvalue().splitlines() == [
        "[objects] xícara (0.93)", "[objects] xícara (0.93), cão (0.70)", "[objects] none",
    ]  # fmt: skip


def test_console_prints_and_reports_a_closed_stream():
    stream = io.StringIO()
    sink = ConsoleSink(stream)
    sink.tell(CAPTION)
    sink.show(picture(0, 0, 0), 0)
    assert stream.getvalue() == "en  Good morning.\npt  Bom dia.\n"
    stream.close()
    with pytest.raises(SinkError, match="console"):
        sink.tell(CAPTION)


class FakeCv2:
    """The window calls, remembered."""

    error = RuntimeError
    WINDOW_NORMAL, WINDOW_GUI_NORMAL, WND_PROP_VISIBLE = 0, 16, 4

    def __init__(self, key=-1, visible=1.0):
        self.key, self.visible, self.calls = key, visible, []

    def waitKey(self, _ms):  # noqa: N802 - OpenCV's name
        return self.key

    def getWindowProperty(self, *_):  # noqa: N802 - OpenCV's name
        return self.visible

    def __getattr__(self, name):
        return lambda *arguments: self.calls.append((name, *arguments))


@pytest.mark.parametrize(
    ("key", "visible", "going"),
    [(-1, 1.0, True), (ord("x"), 1.0, True), (ord("q"), 1.0, False), (27, 1.0, False), (-1, 0.0, False)],
)
def test_window_keys(monkeypatch, key, visible, going):
    fake = FakeCv2(key, visible)
    monkeypatch.setattr(sinks, "_cv2", lambda: fake)
    with WindowSink((160, 90)) as sink:
        sink.show(picture(1, 2, 3), 0)
        assert sink.poll(0) is going
    sink.close()
    names = [call[0] for call in fake.calls]
    assert names == ["namedWindow", "resizeWindow", "imshow", "destroyWindow"]
    assert fake.calls[0][2] == 16


def test_window_that_cannot_open_is_an_error(monkeypatch):
    class Broken(FakeCv2):
        def __getattr__(self, name):
            raise RuntimeError("OpenCV(5.0): not implemented\nRebuild the library")

    monkeypatch.setattr(sinks, "_cv2", Broken)
    with pytest.raises(SinkError, match=r"no window can be opened \(OpenCV\(5\.0\): not implemented\)"):
        WindowSink((160, 90))


@pytest.mark.parametrize(
    ("modules", "wrong"),
    [(["sys", "av", "cv2"], True), (["av"], True), (["cv2", "av"], False), (["cv2"], False), (["sys"], False)],
)
def test_order_of_loading(modules, wrong):
    assert sinks.loaded_in_wrong_order(modules) is wrong


@pytest.mark.parametrize(("uris", "loads"), [((), True), (("a.mp4", "window"), True), (("a.mp4", "console"), False)])
def test_prepare_loads_the_window_toolkit_if_a_window_is_wanted(monkeypatch, uris, loads):
    loaded = []
    monkeypatch.setattr(sinks, "_cv2", lambda: loaded.append(1))
    sinks.prepare(uris)
    assert bool(loaded) is loads


def test_prepare_leaves_errors_to_open_sink(monkeypatch):
    monkeypatch.setattr(sinks.sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    sinks.prepare(["window"])


def test_window_after_pyav_is_an_error_not_a_hang(monkeypatch):
    monkeypatch.setattr(sinks.sys, "platform", "linux")
    monkeypatch.setenv("DISPLAY", ":99")
    monkeypatch.setattr(sinks, "loaded_in_wrong_order", lambda _modules: True)
    with pytest.raises(SinkError, match="after PyAV"):
        open_sink("window", SETTINGS)


def test_the_hud_loads_neither_pyav_nor_opencv_by_itself():
    code = "import sys, edge.hud.loop, edge.hud.sinks, edge.hud.video; print({'av', 'cv2'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


def test_window_without_display_is_an_error_not_an_abort(monkeypatch):
    monkeypatch.setattr(sinks.sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(SinkError, match=r"no display.*--hud FILE\.mp4"):
        open_sink("window", SETTINGS)
