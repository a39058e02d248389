"""The film of the benchmark: what is in it is what its description says."""

import csv
import itertools

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from edge.bench import film, film_places
from edge.bench.film import Sight, Sign, compose_film, room, speak, truth, write_film, write_sound
from edge.bench.film_places import (
    DEMO_PLACES,
    EMBLEM,
    EXIT,
    PAN_S,
    PLACE,
    SIZE,
    STILL_SHARE,
    STOP,
    TEMPLE,
    Place,
    build,
    corners_seen,
    crop,
    drift,
    look,
    settle,
)
from edge.bench.inputs_speech import Utterance
from edge.errors import ModelNotFoundError
from edge.media import NS_PER_S, AudioChunk, VideoFrame
from edge.sources.recording import read_audio
from edge.sources.replay import open_replay

RATE = 16_000


def utterance(seconds, text):
    return Utterance(np.full(int(seconds * RATE), 0.25, np.float32), text)


class FakeStore:
    """Has photographs of noise, and a font."""

    def __init__(self, folder, missing=()):
        self.folder = folder
        self.missing = missing
        noise = np.random.default_rng(7).integers(0, 90, (300, 400, 3), np.uint8)
        for name in ("china.jpg", "brick.png", "coffee.png"):
            Image.fromarray(noise).save(folder / name)

    def open(self, model_id):
        if model_id in self.missing:
            raise ModelNotFoundError(model_id)
        return self.folder


@pytest.fixture
def font(model_folder):
    return model_folder("font-noto-sans") / "NotoSans.ttf"


class TestSpeech:
    def test_words_are_where_the_description_says(self):
        samples, spoken = speak([utterance(1.0, "one two"), utterance(0.5, "three")])
        assert [one.text for one in spoken] == ["one two", "three"]
        loud = np.abs(samples) > 0.1
        for one in spoken:
            assert loud[round(one.from_s * RATE) : round(one.to_s * RATE)].all()
        assert loud.sum() == 1.5 * RATE
        assert spoken[0].from_s == film.LEAD_S
        assert spoken[1].from_s - spoken[0].to_s == pytest.approx(film.PAUSE_S)

    def test_a_quiet_room_is_quiet_but_not_dead(self):
        assert 0 < np.abs(room(RATE)).max() < 1e-3
        assert np.array_equal(room(100), room(100))

    def test_clips_of_evaluation_data(self, tmp_path):
        folder = tmp_path / "speech-en"
        folder.mkdir()
        rows = []
        for number in range(30):
            write_sound(folder / f"{number}.wav", utterance(4.0, "").samples)
            notes = "transcript by whisper: not independent" if number == 0 else ""
            rows.append({"file": f"{number}.wav", "seconds": "4.0", "transcript": f"clip {number}", "notes": notes})
        with (folder / "manifest.tsv").open("w", newline="") as lines:
            writer = csv.DictWriter(lines, rows[0], delimiter="\t")
            writer.writeheader()
            writer.writerows(rows)
        quick, full = film._clips(tmp_path, quick=True), film._clips(tmp_path, quick=False)
        assert [one.transcript for one in quick] == ["clip 1", "clip 15"]
        assert len(full) == 10
        assert film._clips(tmp_path / "nowhere", quick=True) == ()


class TestCamera:
    def test_the_demo_settles(self):
        assert settle(0.0, 9) == (0.5, 0.6)
        assert settle(1.5, 9) == settle(8.0, 9) == (0.5, 0.5)

    def test_the_benchmark_stands_still_and_then_drifts_smoothly(self):
        steps = [drift(at / 15, 8.0) for at in range(120)]
        still = int(120 * STILL_SHARE)
        assert set(steps[:still]) == {(0.5, 0.6)}
        moves = np.abs(np.diff(np.array(steps) * (PLACE[0] - SIZE[0], PLACE[1] - SIZE[1]), axis=0)).max(axis=1)
        assert 0.2 < moves.max() < 3.0, "pixels from picture to picture"
        assert np.abs(np.diff(moves)).max() < 0.3, "no jerk"
        assert all(0 <= share <= 1 for step in steps for share in step)

    def test_between_places_it_turns(self):
        places = [np.full((PLACE[1], PLACE[0], 3), shade, np.uint8) for shade in (10, 200)]
        stay = 2.0
        assert look(places, 1.4, stay, drift).mean() == 10
        assert 10 < look(places, 1.75, stay, drift).mean() < 200
        assert look(places, 2.0, stay, drift).mean() == 200
        assert look(places, 3.9, stay, drift).mean() == 200, "the last one is not left"
        assert look(places, 9.0, stay, drift).shape == (SIZE[1], SIZE[0], 3)


class TestPlaces:
    def test_a_sign_is_where_the_description_says(self, font, tmp_path):
        place = build(EXIT, FakeStore(tmp_path), font)
        seen = crop(place, *drift(0, 1)).astype(int)
        green = (seen[..., 1] - seen[..., 0] > 30) & (seen[..., 1] - seen[..., 2] > 60)
        mask = np.zeros(green.shape, np.uint8)
        cv2.fillPoly(mask, [np.array(truth([EXIT], 1.0)[0][0].corners, np.int32)], 1)
        assert green[mask == 1].mean() > 0.7
        assert not green[mask == 0].any() or green[mask == 0].mean() < 0.01

    def test_things_are_drawn(self, font, tmp_path):
        store = FakeStore(tmp_path)
        bare = build(Place(("demo-things", "brick.png")), store, font)
        stop, emblem = build(STOP, store, font), build(EMBLEM, store, font)
        x, y = round(0.5 * PLACE[0]), round(0.48 * PLACE[1])
        assert tuple(stop[y - 150, x]) == (30, 20, 190)
        assert tuple(emblem[y - 150, x - 60]) == (15, 15, 15)
        assert tuple(emblem[y + 20, x + 150]) == (245, 245, 245)
        assert np.array_equal(bare[:60, :200], stop[:60, :200])

    def test_a_place_is_the_same_every_time(self, font, tmp_path):
        store = FakeStore(tmp_path)
        assert np.array_equal(build(TEMPLE, store, font), build(TEMPLE, store, font))

    def test_corners_follow_the_camera(self):
        quad = ((0.0, 0.0), (1.0, 1.0))
        assert corners_seen(quad, 0.0, 0.0) == ((0.0, 0.0), PLACE)
        assert corners_seen(quad, 1.0, 1.0) == ((SIZE[0] - PLACE[0], SIZE[1] - PLACE[1]), SIZE)

    def test_the_demo_walks_where_it_always_did(self):
        assert [place.photo[1] for place in DEMO_PLACES] == ["china.jpg", "coffee.png", "brick.png", "brick.png"]
        assert not any(place.thing for place in DEMO_PLACES)


class TestTruth:
    def test_signs_and_sights_of_a_walk(self):
        signs, sights = truth([TEMPLE, STOP, EMBLEM], 4.0)
        assert sights == (
            *(Sight("unknown", 0, 2.4, 3.5), Sight("stop_sign", 4, 6.4, 7.5)),
            Sight("yin_yang", 8, 10.4, 12.0),
        )
        assert [sign.text.splitlines()[0] for sign in signs] == ["TEMPLE GARDEN", "Ticket office", "STOP"]
        assert [(sign.from_s, sign.still_s, sign.to_s) for sign in signs[1:]] == [(0, 2.4, 3.5), (4, 6.4, 7.5)]
        assert isinstance(signs[0], Sign)

    def test_signs_are_wholly_in_sight_while_the_camera_stands_still(self):
        for walk in (film.SHORT_WALK, film.LONG_WALK):
            for sign in truth(walk, 4.0)[0]:
                for x, y in sign.corners:
                    assert 0 <= x <= SIZE[0]
                    assert 0 <= y <= SIZE[1]


def pictures(count):
    return [np.full((SIZE[1], SIZE[0], 3), 20 + 5 * at, np.uint8) for at in range(count)]


class TestFile:
    def test_sound_is_lossless_and_pictures_are_all_there(self, tmp_path):
        sound = (np.random.default_rng(0).integers(-9000, 9000, RATE) / 32768).astype(np.float32)
        write_film(tmp_path / "film.mkv", pictures(15), [AudioChunk(sound, RATE, 0)])
        assert np.array_equal(np.concatenate([chunk.samples for chunk in read_audio(tmp_path / "film.mkv")]), sound)
        with av.open(str(tmp_path / "film.mkv")) as container:
            shades = [frame.to_ndarray(format="bgr24").mean() for frame in container.decode(video=0)]
        assert np.allclose(shades, [20 + 5 * at for at in range(15)], atol=4)

    def test_a_film_can_be_repeated_without_a_gap(self, tmp_path):
        sound = np.zeros(RATE, np.float32)
        write_film(tmp_path / "film.mkv", pictures(15), [AudioChunk(sound, RATE, 0)])
        items = list(open_replay(tmp_path / "film.mkv", "max", times=3))
        chunks = [item for item in items if isinstance(item, AudioChunk)]
        assert all(abs(a.ended_ns - b.captured_ns) <= NS_PER_S // 100 for a, b in itertools.pairwise(chunks))
        assert chunks[-1].ended_ns == pytest.approx(3 * NS_PER_S, abs=NS_PER_S // 100)
        assert sum(isinstance(item, VideoFrame) for item in items) == 45

    def test_too_loud_is_cut_off_not_wrapped(self, tmp_path):
        write_sound(tmp_path / "loud.wav", np.array([2.0, -2.0] * RATE, np.float32))
        heard = np.concatenate([chunk.samples for chunk in read_audio(tmp_path / "loud.wav")])
        assert heard[0] > 0.99
        assert heard[1] == -1.0


@pytest.mark.models
class TestWholeFilm:
    def test_quick(self, model_folder, tmp_path):
        from edge.hub.store import ModelStore

        for sample in ("demo-speech", "demo-photo", "demo-things", "font-noto-sans"):
            model_folder(sample)
        made = compose_film(tmp_path / "film.mkv", ModelStore(), quick=True)
        assert 10 < made.seconds < 13
        assert len(made.spoken) == 3
        assert [sight.label for sight in made.sights] == ["unknown", "stop_sign", "yin_yang"]
        assert made.spoken[-1].to_s < made.seconds
        assert made.signs[-1].to_s < made.seconds
        with open_replay(made.path) as replay:
            assert replay.recording.seconds == pytest.approx(made.seconds, abs=1e-3)
            assert (replay.recording.width, replay.recording.height) == SIZE
        heard = np.concatenate([chunk.samples for chunk in read_audio(made.path)])
        for one in made.spoken:  # its words are loud, and the pause behind them is not
            at = slice(round(one.from_s * RATE), round(one.to_s * RATE))
            behind = slice(round((one.to_s + 0.2) * RATE), round((one.to_s + film.PAUSE_S - 0.2) * RATE))
            assert heard[at].std() > 20 * heard[behind].std()

    def test_without_samples_it_says_what_to_pull(self, tmp_path, demo_speech, font):
        class Store(FakeStore):
            def open(self, model_id):
                return demo_speech.parent if model_id == "demo-speech" else super().open(model_id)

        with pytest.raises(ModelNotFoundError, match="edge models pull demo-photo"):
            compose_film(tmp_path / "film.mkv", Store(tmp_path, missing=("demo-photo", "demo-things")), quick=True)


def test_pan_is_short_beside_a_stay():
    assert 12.0 / len(film.SHORT_WALK) * (1 - STILL_SHARE) > PAN_S
    assert film_places.PAN_S == PAN_S
