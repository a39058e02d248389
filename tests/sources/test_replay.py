"""Replay with a clock of its own: order, stamps, pace, closing."""

import itertools
import threading

import av
import numpy as np
import pytest

from edge.errors import SourceError
from edge.media import NS_PER_S, AudioChunk, VideoFrame
from edge.sources.recording import probe
from edge.sources.replay import Replay, open_replay


class _Clock:
    """Time passes only by waiting, and by `work_s` for each look at it."""

    def __init__(self, start_ns=7 * NS_PER_S, work_s=0.0):
        self.now_ns = start_ns
        self.work_s = work_s
        self.waits = []

    def __call__(self):
        self.now_ns += int(self.work_s * NS_PER_S)
        return self.now_ns

    def wait(self, seconds):
        self.waits.append(seconds)
        self.now_ns += round(seconds * NS_PER_S)
        return False


@pytest.fixture
def film(tmp_path):
    """One second: ten pictures and a rising tone at 16 kHz."""
    path = tmp_path / "film.mkv"
    with av.open(str(path), "w") as file:
        video = file.add_stream("mpeg4", rate=10)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = file.add_stream("pcm_s16le", rate=16_000)
        sound.layout = "mono"
        for index in range(10):
            image = np.full((48, 64, 3), 25 * index, np.uint8)
            file.mux(video.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        file.mux(video.encode(None))
        frame = av.AudioFrame.from_ndarray(np.arange(16_000, dtype=np.int16)[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts = 16_000, 0
        file.mux(sound.encode(frame))
        file.mux(sound.encode(None))
    return path


def _due(item):
    return item.ended_ns if isinstance(item, AudioChunk) else item.captured_ns


def test_flat_out_is_in_media_time_and_in_order(film):
    clock = _Clock()
    items = list(Replay(probe(film), "max", clock, clock.wait))
    chunks = [item for item in items if isinstance(item, AudioChunk)]
    frames = [item for item in items if isinstance(item, VideoFrame)]
    assert np.array_equal(np.concatenate([chunk.samples for chunk in chunks]) * 32_768, np.arange(16_000))
    assert [chunk.captured_ns for chunk in chunks] == [index * 64_000_000 for index in range(16)]
    assert [frame.captured_ns for frame in frames] == [index * 100_000_000 for index in range(10)]
    assert [frame.index for frame in frames] == list(range(10))
    assert [_due(item) for item in items] == sorted(_due(item) for item in items)
    assert clock.waits == []


def test_flat_out_is_the_same_every_time(film):
    def told():
        with open_replay(film, "max") as replay:
            return [
                (item.captured_ns, (item.samples if isinstance(item, AudioChunk) else item.image).tobytes())
                for item in replay
            ]

    assert told() == told()


def test_live_hands_everything_out_when_it_is_due(film):
    clock = _Clock()
    items = []
    for item in Replay(probe(film), "live", clock, clock.wait):
        assert abs(clock.now_ns - _due(item)) < 1_000  # not before the last sample was heard, and not later
        items.append(item)
    assert items[0].captured_ns == 7 * NS_PER_S
    assert len(items) == 26
    assert sum(clock.waits) == pytest.approx(1.0, abs=1e-3)


def test_live_leaves_late_pictures_out_but_no_sound(film):
    clock = _Clock(work_s=0.2)  # every look at the clock costs 0.2 s: the replay falls behind at once
    replay = Replay(probe(film), "live", clock, clock.wait)
    items = list(replay)
    assert sum(isinstance(item, AudioChunk) for item in items) == 16
    frames = [item for item in items if isinstance(item, VideoFrame)]
    assert len(frames) + replay.skipped == 10
    assert replay.skipped > 5
    assert [frame.index for frame in frames] == sorted({frame.index for frame in frames})


def test_live_and_flat_out_give_the_same_chunks(film):
    clock = _Clock(start_ns=0)
    live = [item.samples for item in Replay(probe(film), "live", clock, clock.wait) if isinstance(item, AudioChunk)]
    flat = [item.samples for item in Replay(probe(film), "max") if isinstance(item, AudioChunk)]
    assert all(np.array_equal(a, b) for a, b in zip(live, flat, strict=True))


def test_pace_is_told():
    recording = object()
    assert Replay(recording, "live").is_live
    assert not Replay(recording, "max").is_live


def test_closing_ends_a_live_replay_at_once(film):
    started = threading.Event()
    replay = open_replay(film, "live")
    items = []

    def play():
        for item in replay:
            items.append(item)
            started.set()

    thread = threading.Thread(target=play)
    thread.start()
    assert started.wait(5)
    replay.close()
    thread.join(5)
    assert not thread.is_alive()
    assert len(items) < 26


def test_sound_alone(tmp_path, film):
    import wave

    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, 8_000, 0, "NONE", ""))
        file.writeframes(np.zeros(8_000, np.int16).tobytes())
    items = list(open_replay(tmp_path / "a.wav", "max"))
    assert {type(item) for item in items} == {AudioChunk}
    assert sum(len(item.samples) for item in items) == 8_000


def test_bad_files_are_refused_before_anything_is_played(tmp_path, film):
    data = film.read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(SourceError, match="cut off"):
        open_replay(tmp_path / "cut.mkv")
    with pytest.raises(SourceError, match="does not exist"):
        open_replay(tmp_path / "none.mkv")


def test_unknown_pace(film):
    with pytest.raises(SourceError, match="unknown pace 'fast'; use live or max"):
        open_replay(film, "fast")


def test_repeated_as_if_it_stood_in_the_file_so_often(film):
    clock = _Clock()
    items = list(Replay(probe(film), "max", clock, clock.wait, times=3))
    chunks = [item for item in items if isinstance(item, AudioChunk)]
    frames = [item for item in items if isinstance(item, VideoFrame)]
    assert np.array_equal(np.concatenate([c.samples for c in chunks]) * 32_768, np.tile(np.arange(16_000), 3))
    assert all(before.ended_ns == after.captured_ns for before, after in itertools.pairwise(chunks))
    assert [frame.captured_ns for frame in frames] == [index * 100_000_000 for index in range(30)]
    assert [frame.index for frame in frames] == list(range(30))
    assert [_due(item) for item in items] == sorted(_due(item) for item in items)


def test_between_repetitions_silence_fills_what_pictures_last_longer(film):
    class Short:
        def __init__(self, whole):
            self.__dict__ |= whole.__dict__
            self.fps = 2.0  # the last picture, at 0.9 s, lasts until 1.4 s

    items = list(Replay(Short(probe(film)), "max", times=2))
    chunks = [item for item in items if isinstance(item, AudioChunk)]
    assert all(before.ended_ns == after.captured_ns for before, after in itertools.pairwise(chunks))
    filling = chunks[16]
    assert (filling.captured_ns, filling.ended_ns) == (NS_PER_S, NS_PER_S * 14 // 10)
    assert not filling.samples.any()
    assert len(chunks) == 33  # none after the last time
    assert next(item for item in items[::-1] if isinstance(item, VideoFrame)).captured_ns == NS_PER_S * 23 // 10


def test_repeated_live_keeps_the_pace(film):
    clock = _Clock()
    for item in Replay(probe(film), "live", clock, clock.wait, times=2):
        assert abs(clock.now_ns - _due(item)) < 1_000
    assert sum(clock.waits) == pytest.approx(2.0, abs=1e-3)
