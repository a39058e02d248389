"""The sense of objects over a detector of coloured rectangles: names, levels, a whole session with its picture."""

import json
import re

import cv2
import numpy as np
import pytest
from detector_files import BLUE, GREEN, RED, DetectorStore, picture

from edge import app, object_sense
from edge.errors import InferenceError, LanguageError, ModelNotFoundError, SettingsError
from edge.events import ObjectsDetected, StageFailed
from edge.hud.fonts import Fonts
from edge.hud.video import VideoSink
from edge.media import NS_PER_S, VideoFrame
from edge.object_sense import ObjectSense
from edge.run_options import RunOptions
from edge.settings import HudSettings, ObjectSettings, Settings

CUP, DOG = (RED, (20, 30, 80, 90)), (GREEN, (100, 10, 150, 60))


class Packs:
    """Portuguese, as far as it is known here."""

    words = {"dog": "cachorro", "book": "livro"}  # noqa: RUF012 - a constant

    def connects(self, source, target):
        return (source, target) == ("en", "pt")

    def translate(self, text, source, target):
        return self.words.get(text, text)


@pytest.fixture
def store(tmp_path):
    return DetectorStore(tmp_path / "finder")


@pytest.fixture
def load(store):
    """Function that loads the sense: language, and settings of the objects."""

    def make(target="pt", **objects):
        settings = Settings(objects=ObjectSettings(**{"model": "finder", **objects}))
        return ObjectSense.load(store, settings, target, Packs())

    return make


def frames(*images, fps=5):
    return (VideoFrame(image, index * NS_PER_S // fps, index) for index, image in enumerate(images))


def film(count=20, fps=5):
    """A cup that goes to the right."""
    return frames(*(picture([(RED, (10 + 4 * n, 30, 60 + 4 * n, 90))], seed=n) for n in range(count)), fps=fps)


class TestLoading:
    def test_no_detector_chosen(self, store):
        with pytest.raises(SettingsError, match=r"objects\.model") as raised:
            ObjectSense.load(store, Settings(), "pt", Packs())
        assert "bring-your-own-model" in str(raised.value)
        assert "\n" not in str(raised.value)

    def test_a_detector_that_is_not_installed(self, store, load, monkeypatch):
        def missing(model_id):
            raise ModelNotFoundError(model_id)

        monkeypatch.setattr(store, "open", missing)
        with pytest.raises(ModelNotFoundError, match="finder"):
            load()

    def test_no_such_language(self, load):
        with pytest.raises(LanguageError):
            load("xx")

    def test_warm_up(self, load, monkeypatch):
        sense = load()
        sense.warm_up()

        def broken():
            raise InferenceError("broken")

        monkeypatch.setattr(sense.detector, "warm_up", broken)
        with pytest.raises(InferenceError, match="warm-up: broken"):
            sense.warm_up()


class TestObjects:
    def test_names_in_the_language_of_the_wearer(self, load):
        assert [(one.label, one.name) for one in load().objects(picture([CUP, DOG]))] == [
            ("cup", "xícara"),
            ("dog", "cachorro"),
        ]
        assert [one.name for one in load("en").objects(picture([DOG]))] == ["dog"]

    def test_the_least_score_of_the_settings(self, load):
        small = picture([(GREEN, (100, 10, 130, 40))])
        assert len(load().objects(small)) == 1
        assert load(min_score=0.9).objects(small) == []

    def test_detections_are_timed(self, load):
        sense = load()
        sense.objects(picture([CUP]))
        assert sense.times.summary()["object-detection"]["runs"] == 1


class TestEvents:
    def test_a_thing_is_followed(self, load):
        events = list(load(interval_s=0.2).events(film()))
        assert {type(event) for event in events} == {ObjectsDetected}
        assert {one.number for event in events for one in event.objects} == {1}
        lefts = [event.objects[0].box[0] for event in events]
        assert lefts == sorted(lefts)
        assert lefts[-1] > 60

    def test_boxes_stay_on_their_things_while_the_camera_pans_between_two_looks(self, load):
        """A wall with a cup on it, the camera goes over it by 4 pixels a frame; the detector sees the first only."""
        wall = np.random.default_rng(2).integers(60, 190, (12, 40, 1)).repeat(20, 0).repeat(20, 1).repeat(3, 2)
        wall[80:160, 300:400] = RED
        views = [np.ascontiguousarray(wall[:, 4 * n : 4 * n + 480]).astype(np.uint8) for n in range(30)]
        sense = load(interval_s=60.0, sure_score=0.5)
        events = list(sense.events(frames(*views, fps=15)))
        assert sense.times.summary()["object-detection"]["runs"] == 1
        assert len(events) > 20
        first = events[0].objects[0].box
        for event in events:
            number = round(event.captured_ns * 15 / NS_PER_S)
            (one,) = event.objects
            assert np.abs(np.subtract(one.box, np.subtract(first, (4 * number, 0, 4 * number, 0)))).max() < 3

    def test_a_still_camera_costs_one_detection(self, load):
        sense = load()
        events = list(sense.events(frames(*[picture([CUP])] * 50)))
        assert len(events) == 1
        assert sense.times.summary()["object-detection"]["runs"] == 1

    @pytest.mark.parametrize(("level", "looks"), [("full", 8), ("slow", 3), ("small", 3), ("off", 0)])
    def test_levels_set_the_pace(self, load, level, looks):
        sense = load(interval_s=0.5)
        list(sense.events(film(20), level=lambda: level))
        runs = sense.times.summary().get("object-detection", {"runs": 0})["runs"]
        assert abs(runs - looks) <= 1

    def test_small_pictures_at_the_level_small(self, load, monkeypatch):
        sense, asked = load(), []
        monkeypatch.setattr(
            type(sense.detector), "detect", lambda _self, _image, _least, *, small: asked.append(small) or []
        )
        list(sense.events(film(3), level=lambda: "small"))
        list(sense.events(film(3), level=lambda: "slow"))
        assert asked == [True, False]

    def test_every_detection_passes_the_checkpoint(self, load):
        passed = []
        sense = load(interval_s=0.0)
        list(sense.events(film(4), checkpoint=lambda: passed.append(1)))
        assert len(passed) == sense.times.summary()["object-detection"]["runs"] > 1

    def test_a_failing_detector(self, load, monkeypatch):
        sense = load(interval_s=0.0)

        def fail(*_arguments, **_options):
            raise InferenceError("broken")

        monkeypatch.setattr(type(sense.detector), "detect", fail)
        assert [type(event) for event in sense.events(film(5))] == [StageFailed]


def run(tmp_path, store, monkeypatch, **options):
    monkeypatch.setattr(app, "ModelStore", lambda: store)
    monkeypatch.setattr(object_sense, "Translators", lambda *_: Packs())
    monkeypatch.setattr("edge.senses.Translators", lambda *_: Packs())
    monkeypatch.setattr(app, "load_fonts", lambda *_: Fonts.load(system=False))
    settings = Settings(
        objects=ObjectSettings(model="finder", interval_s=0.1), hud=HudSettings(width=480, height=360, fps=30)
    )
    said = []
    status = app.run_session(RunOptions("auto", "pt", senses=("objects",), **options), settings, said.append)
    return status, said


def test_a_session_draws_boxes_and_tells_them(tmp_path, store, monkeypatch):
    """`edge run --senses objects --camera PICTURE --hud out.png --events events.jsonl --seconds 1.5`."""
    image = picture([CUP, (BLUE, (90, 40, 150, 110))], size=(120, 160))
    assert cv2.imwrite(str(tmp_path / "scene.png"), image)
    status, said = run(
        tmp_path, store, monkeypatch, camera=str(tmp_path / "scene.png"), huds=(str(tmp_path / "out.png"),),
        events=tmp_path / "events.jsonl", seconds=1.5,
    )  # fmt: skip
    assert (status, said) == (0, ["objects: 2"])
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    (told,) = [event for event in events if event["event"] == "ObjectsDetected"]
    assert {one["name"] for one in told["objects"]} == {"xícara", "livro"}
    assert told["latency_ms"] >= 0
    assert events[-1]["objects"] == 2
    drawn = cv2.imread(str(tmp_path / "out.png"))
    empty = cv2.resize(image, (480, 360), interpolation=cv2.INTER_LINEAR)
    changed = np.abs(drawn.astype(int) - empty).max(axis=2) > 40
    assert changed[80:280, 55:65].any(axis=1).mean() > 0.8, "the left side of the box of the cup, at x = 60"
    assert not changed[150:200, 100:140].any(), "inside it the picture is as it was"


def test_a_film_flat_out_gives_the_same_events_again(tmp_path, store, monkeypatch):
    """`edge run --senses objects --replay FILM.mp4 --pace max`: a cup that goes to the right, then nothing."""
    with VideoSink(tmp_path / "film.mp4", 10) as sink:
        for n in range(30):
            box = (20 + 6 * n, 60, 120 + 6 * n, 160)
            sink.show(picture([(RED, box)] if n < 20 else [], size=(240, 320), seed=n), n * NS_PER_S // 10)
    told = []
    for name in ("first.jsonl", "second.jsonl"):
        status, said = run(tmp_path, store, monkeypatch, replay=tmp_path / "film.mp4", pace="max",
                           huds=(str(tmp_path / "hud.mp4"),), events=tmp_path / name)  # fmt: skip
        assert (status, said) == (0, ["objects: 1"])
        told.append((tmp_path / name).read_text(encoding="utf-8"))
    assert told[0] == told[1]
    events = [json.loads(line) for line in told[0].splitlines()]
    seen = [event for event in events if event["event"] == "ObjectsDetected"]
    lefts = [one["box"][0] for event in seen for one in event["objects"]]
    assert lefts[0] < 30
    assert lefts[-1] > 110
    assert seen[-1]["objects"] == []
    assert seen[-1]["captured_ns"] < 2.7 * NS_PER_S
    assert {event["latency_ms"] for event in seen} == {0.0}


def test_the_sense_needs_a_detector_and_says_so_before_anything_is_opened(tmp_path, store, monkeypatch):
    monkeypatch.setattr(app, "ModelStore", lambda: store)
    monkeypatch.setattr("edge.senses.Translators", lambda *_: Packs())
    options = RunOptions("auto", "pt", senses=("objects",), camera="7", huds=("console",))
    with pytest.raises(SettingsError, match=re.escape("objects.model")):
        app.run_session(options, Settings())
