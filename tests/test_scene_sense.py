"""The scene sense over a recogniser of colours: what is said of a picture, and when a frame is looked at."""

import numpy as np
import pytest
from scene_fakes import BLUE, GREEN, GREY, PINK, RED, YELLOW, ColorRecognizer, FakeStore, picture

from edge import scene_sense
from edge.errors import InferenceError, LanguageError, ModelNotFoundError, StoreError
from edge.events import SceneRecognized, StageFailed
from edge.media import NS_PER_S, VideoFrame
from edge.results import UNKNOWN, Glance
from edge.scene_sense import SceneSense, fingerprint, framings, joint_embedding, joint_scores, taught_folder
from edge.settings import SceneSettings, Settings

SMALL_THING = (50, 30, 110, 100)
"""Box of a thing in a picture of 160 x 120."""


@pytest.fixture
def recognizer(monkeypatch):
    fake = ColorRecognizer()
    monkeypatch.setattr(scene_sense.ImageRecognizer, "load", lambda *_: fake)
    return fake


@pytest.fixture
def store(tmp_path):
    return FakeStore(tmp_path)


@pytest.fixture
def load(recognizer, store, tmp_path):
    """Function that loads the sense: language, and settings of the scene."""

    def make(target="pt", **scene):
        settings = Settings(scene=SceneSettings(taught=tmp_path / "taught", **scene))
        return SceneSense.load(store, settings, target)

    return make


def labels(categories):
    return [category.label for category in categories]


class TestCategories:
    def test_a_known_thing_in_the_language_of_the_wearer(self, load):
        (category,) = load("pt").categories(picture(GREEN))
        assert (category.label, category.name) == ("umbrella", "guarda-chuva")
        assert 0.5 < category.score <= 1
        assert load("de").categories(picture(RED))[0].name == "Armbanduhr"

    def test_as_many_as_asked_and_likeliest_first(self, load):
        categories = load().categories(picture((230, 60, 40)), 3)
        assert labels(categories) == ["cup", "umbrella", "watch"]
        assert sorted(category.score for category in categories)[::-1] == [one.score for one in categories]
        assert labels(load().categories(picture(BLUE), 2)) == ["cup", "umbrella"]
        assert len(load().categories(picture(BLUE), 100)) == 3

    def test_unknown_first_and_then_the_guesses(self, load):
        first, second, *_ = load("pt").categories(picture(YELLOW), 3)
        assert (first.label, first.name) == (UNKNOWN, "desconhecido")
        assert first.score == pytest.approx(0.95)
        assert second.label in {"umbrella", "watch"}

    @pytest.mark.parametrize("level", [0, 255])
    @pytest.mark.parametrize("shape", [(1, 1), (480, 640)])
    def test_a_picture_of_nothing_is_unknown_without_asking_the_model(self, load, recognizer, level, shape):
        (category,) = load().categories(np.full((*shape, 3), level, np.uint8), 5)
        assert (category.label, category.score) == (UNKNOWN, 1.0)
        assert recognizer.looked == []

    def test_a_failing_model_is_not_an_unknown_thing(self, load, recognizer):
        recognizer.failure = InferenceError("broken")
        with pytest.raises(InferenceError):
            load().categories(picture(BLUE))


class TestCloserLook:
    def test_a_small_thing_is_looked_at_again(self, load, recognizer):
        first = load().categories(picture(BLUE, thing=SMALL_THING))[0]
        whole, closer, *_ = recognizer.looked
        assert whole == (120, 160)
        assert 50 <= closer[0] < 100
        assert 50 <= closer[1] < 120
        assert first.label == "cup"

    def test_a_thing_that_fills_the_picture_is_not(self, load, recognizer):
        load().embedding(picture(BLUE))
        assert recognizer.looked == [(120, 160)]

    def test_a_picture_nobody_waits_for_is_cut_in_other_ways_too(self, load, recognizer):
        load().categories(picture(BLUE))
        assert recognizer.looked == [(120, 160), (106, 141), (120, 120)]
        recognizer.looked.clear()
        load().categories(picture(BLUE, size=(100, 100)))
        assert recognizer.looked == [(100, 100), (88, 88)]

    @pytest.mark.parametrize("shape", [(1, 1), (1, 400), (2, 3)])
    def test_cuts_of_tiny_pictures_are_never_empty(self, shape):
        assert all(frame.size for frame in framings(np.zeros((*shape, 3), np.uint8)))

    def test_what_all_looks_agree_on_wins(self):
        looks = [Glance(np.array(scores, np.float32), 1.0, np.ones(1), np.ones((1, 1))) for scores in (
            (0.9, 0.1, 0.0), (0.0, 0.4, 0.6), (0.6, 0.4, 0.0),
        )]  # fmt: skip
        joint = joint_scores(looks)
        assert int(joint.argmax()) == 1
        assert float(joint.sum()) == pytest.approx(1)

    def test_nor_when_settings_say_so(self, load, recognizer):
        load(closer=False).categories(picture(BLUE, thing=SMALL_THING))
        assert recognizer.looked == [(120, 160)]


class TestTaught:
    def teach(self, sense, name="my mug", color=PINK):
        sense.taught.teach(name, [sense.embedding(picture(color, seed=seed)) for seed in range(5)])

    def test_comes_first_and_the_guesses_follow(self, load):
        sense = load()
        assert labels(sense.categories(picture(PINK, seed=9))) == [UNKNOWN]
        self.teach(sense)
        first, *rest = sense.categories(picture(PINK, seed=9), 3)
        assert (first.label, first.name) == ("my mug", "my mug")
        assert 0.5 < first.score <= 1
        assert set(labels(rest)) < {"cup", "umbrella", "watch"}

    def test_is_known_to_the_next_start_and_strangers_are_not_it(self, load):
        self.teach(load())
        again = load()
        assert labels(again.categories(picture(PINK, seed=9))) == ["my mug"]
        assert labels(again.categories(picture(YELLOW))) == [UNKNOWN]
        assert labels(again.categories(picture(BLUE))) == ["cup"]

    def test_another_recogniser_says_so_and_does_not_know_it(self, load, store, caplog):
        self.teach(load())
        assert caplog.records == []
        store.retrain()
        sense = load()
        assert [record.getMessage() for record in caplog.records] == [
            "another recogniser was taught my mug, this one does not know them; run: edge teach NAME"
        ]
        assert labels(sense.categories(picture(PINK, seed=9))) == [UNKNOWN]

    def test_what_is_taught_during_a_session_is_known_in_it(self, load):
        running, other = load(), load()

        def frames():
            for index in range(20):
                if index == 10:
                    self.teach(other)
                image = picture(PINK, thing=(0, 0, 140, 120) if index >= 10 else None)
                yield VideoFrame(image, index * NS_PER_S // 5, index)

        told = [event.label for event in running.events(frames())]
        assert told == ["my mug"]


class TestEmbedding:
    def test_is_between_the_looks_and_of_length_one(self):
        glances = [Glance(np.ones(1), 1.0, np.eye(3, dtype=np.float32)[axis], np.ones((1, 1))) for axis in (0, 1)]
        joint = joint_embedding(glances)
        np.testing.assert_allclose(joint, [0.5**0.5, 0.5**0.5, 0], atol=1e-6)
        assert joint.dtype == np.float32

    def test_of_one_look_is_its_own(self, load, recognizer):
        image = picture(PINK)
        np.testing.assert_allclose(load().embedding(image), recognizer.look(image).embedding, atol=1e-6)


class TestLoading:
    def test_a_missing_model(self, load, store):
        store.is_installed = False
        with pytest.raises(ModelNotFoundError, match="edge models pull"):
            load()

    def test_no_such_language(self, load):
        with pytest.raises(LanguageError):
            load("xx")

    def test_damaged_taught_things_are_told(self, load, tmp_path):
        (tmp_path / "taught").mkdir()
        (tmp_path / "taught" / "taught.json").write_bytes(b"?")
        with pytest.raises(StoreError, match="damaged"):
            load()
        assert load().categories(picture(BLUE))

    def test_warm_up_looks_and_names_the_moment_of_a_failure(self, load, recognizer):
        load().warm_up()
        assert recognizer.warm == 1
        recognizer.failure = InferenceError("broken")
        with pytest.raises(InferenceError, match="warm-up: broken"):
            load().warm_up()

    def test_the_folder_of_taught_things(self, tmp_path):
        assert taught_folder(SceneSettings(taught=tmp_path)) == tmp_path
        default = taught_folder(SceneSettings())
        assert default.is_absolute()
        assert default.parts[-2:] == ("edge-glasses", "taught")

    def test_the_fingerprint_is_of_the_weights_alone(self, store):
        before = fingerprint(store.root)
        (store.root / "config.json").write_text("{}")
        assert fingerprint(store.root) == before
        store.retrain()
        assert fingerprint(store.root) != before


def watch(sense, colors, **control):
    """Events of frames of 0.2 s with these colours, each frame a little different from the one before."""
    frames = (
        VideoFrame(color if isinstance(color, np.ndarray) else picture(color, seed=index), index * NS_PER_S // 5, index)
        for index, color in enumerate(colors)
    )
    return list(sense.events(frames, **control))


class TestEvents:
    def test_what_is_seen_changes(self, load):
        events = watch(load("pt"), [GREY] * 5 + [BLUE] * 10 + [GREY] * 10 + [RED] * 15)
        assert [(type(event), event.name, event.target) for event in events] == [
            (SceneRecognized, "xícara", "pt"),
            (SceneRecognized, "desconhecido", "pt"),
            (SceneRecognized, "relógio de pulso", "pt"),
        ]
        assert events[0].captured_ns == 6 * NS_PER_S // 5, "the first frame after the cut"

    def test_the_target_is_the_language_of_the_names(self, load, caplog):
        (event,) = watch(load("sv"), [BLUE] * 10)
        assert (event.name, event.target) == ("cup", "en")
        assert "Swedish" in caplog.text

    def test_every_look_passes_the_checkpoint(self, load, recognizer):
        passed = []
        watch(load(), [picture(BLUE, thing=SMALL_THING)] * 3, checkpoint=lambda: passed.append(len(recognizer.looked)))
        assert passed == [0, 1]
        assert len(recognizer.looked) == 2

    def test_a_still_camera_costs_one_look(self, load, recognizer):
        assert len(watch(load(), [picture(BLUE)] * 100)) == 1
        assert len(recognizer.looked) == 1

    @pytest.mark.parametrize(("level", "looks"), [("full", (17, 25)), ("slow", (6, 9)), ("off", (0, 0))])
    def test_levels_set_the_pace(self, load, recognizer, level, looks):
        changing = [picture(BLUE, thing=(x, 20, x + 60, 100)) for x in range(20, 91, 35)] * 34
        watch(load(interval_s=1.0, closer=False), changing[:100], level=lambda: level)
        assert looks[0] <= len(recognizer.looked) <= looks[1]

    def test_at_the_level_small_there_is_no_closer_look(self, load, recognizer):
        watch(load(), [picture(BLUE, thing=SMALL_THING)] * 5, level=lambda: "small")
        assert recognizer.looked == [(120, 160)]

    def test_a_failure_is_told_once_and_the_sense_goes_on(self, load, recognizer):
        sense = load(interval_s=0.0)
        recognizer.failure = InferenceError("broken")

        def level():
            if len(recognizer.looked) == 3:
                recognizer.failure = None
            return "full"

        events = watch(sense, [BLUE, GREEN] * 5, level=level)
        assert type(events[0]) is StageFailed
        assert StageFailed not in {type(event) for event in events[1:]}

    def test_damage_done_to_the_taught_things_during_a_session(self, load, tmp_path):
        sense = load(interval_s=0.0)
        (tmp_path / "taught").mkdir()
        (tmp_path / "taught" / "taught.json").write_bytes(b"?")
        events = watch(sense, [BLUE] * 6)
        assert [type(event) for event in events] == [StageFailed, SceneRecognized]

    def test_looks_are_timed(self, load):
        sense = load()
        sense.categories(picture(BLUE))
        assert sense.times.summary()["image-recognition"]["runs"] == 1
