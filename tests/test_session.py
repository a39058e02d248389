import io
import threading
import time
from dataclasses import replace

import numpy as np
from session_fakes import FakeReplay, chunk, frame, one_subtitle_each

from edge.channels import Fan, Fifo
from edge.errors import SourceError
from edge.events import SceneRecognized, SpeechStarted, StageFailed, Subtitle
from edge.hud.loop import Hud
from edge.hud.sinks import ConsoleSink
from edge.media import VideoFrame
from edge.session import LiveMedia, Senses, replay_live, run_live
from edge.settings import HudSettings
from edge.sources.recording import BLOCK_S


def live(captions, media, seconds=None):
    shown = []
    events = Fifo(100)
    hud = Hud(HudSettings(), [ConsoleSink(io.StringIO(), "both")], on_shown=shown.append)
    ok = run_live(media, captions if isinstance(captions, Senses) else Senses(captions), hud, events, seconds)
    hud.close()
    return ok, shown


def media_of(chunks):
    return LiveMedia(iter(chunks), None, lambda: None, lambda: None)


class TestLive:
    def test_ends_with_the_sound_and_stamps_latency(self):
        started = time.monotonic_ns()
        chunks = [replace(chunk(0), captured_ns=started)]
        ok, shown = live(one_subtitle_each, media_of(chunks))
        assert ok
        assert [type(event).__name__ for event in shown] == ["SpeechStarted", "Subtitle"]
        assert 0 <= shown[1].latency_ms < (time.monotonic_ns() - started) / 1e6

    def test_a_failing_sense_is_told_and_reported(self):
        def captions(chunks):
            yield SpeechStarted(0, 1)
            raise SourceError("the microphone melted")

        ok, shown = live(captions, media_of([chunk(0)]))
        assert not ok
        assert isinstance(shown[-1], StageFailed)
        assert shown[-1].message == "the microphone melted"

    def test_stops_after_the_given_time(self):
        stop = threading.Event()

        def endless():
            while not stop.wait(0.01):
                yield chunk(0)

        media = LiveMedia(endless(), None, lambda: None, stop.set)
        began = time.monotonic()
        ok, _ = live(lambda chunks: (SpeechStarted(0, 1) for _ in chunks), media, seconds=0.2)
        assert ok
        assert stop.is_set()
        assert time.monotonic() - began < 10

    def test_what_the_last_utterance_gave_is_shown_after_a_stop(self):
        class StopAtOnce(ConsoleSink):
            def poll(self, _now_ns):
                return False

        closed = threading.Event()

        def sound():
            closed.wait(5)
            yield chunk(0)

        shown = []
        hud = Hud(HudSettings(), [StopAtOnce(io.StringIO(), "both")], on_shown=shown.append)
        run_live(LiveMedia(sound(), None, lambda: None, closed.set), Senses(one_subtitle_each), hud, Fifo(10), None)
        assert [type(event).__name__ for event in shown] == ["SpeechStarted", "Subtitle"]


def test_a_stop_ends_a_live_session_at_once_and_loses_nothing():
    closed = threading.Event()

    def sound():
        closed.wait(5)
        yield chunk(0)

    shown = []
    hud = Hud(HudSettings(), [ConsoleSink(io.StringIO(), "both")], on_shown=shown.append)
    media = LiveMedia(sound(), None, lambda: None, closed.set, linger_s=60)
    assert run_live(media, Senses(one_subtitle_each), hud, Fifo(10), None, stop=lambda: True)
    assert [type(event).__name__ for event in shown] == ["SpeechStarted", "Subtitle"]


def test_a_replay_paced_live_feeds_both_channels_and_marks_what_was_dropped():
    frames = Fan()
    pictures = frames.reader()
    items = [chunk(0), VideoFrame(np.zeros((2, 2, 3), np.uint8), 0), *(chunk(i) for i in range(1, 200))]
    media = replay_live(FakeReplay(items), frames, queue_s=0.5, events=Fifo(10))
    media.start()
    while pictures.take(0.05) is None:
        pass
    time.sleep(0.2)  # let the small channel overflow: nobody reads yet
    heard = list(media.audio)
    assert heard[-1].captured_ns == chunk(199).captured_ns
    assert heard[0].captured_ns > 0  # the oldest went
    assert len(heard) == round(0.5 / BLOCK_S)


def one_scene_each(frames):
    """A sense of the camera that names every frame."""
    for seen in frames:
        yield SceneRecognized(seen.captured_ns, "mug", "caneca", 0.9, "pt")


class TestCameraSenses:
    def test_see_what_the_camera_sees_and_end_with_it(self):
        frames = Fan()

        def start():
            frames.put(frame(0))
            frames.close()

        media = LiveMedia((), frames, start, frames.close)
        ok, shown = live(Senses(None, {"scene": one_scene_each}), media)
        assert ok
        assert [type(event) for event in shown] == [SceneRecognized]

    def test_each_has_its_own_newest_frame(self):
        frames = Fan()
        both = {"scene": one_scene_each, "again": one_scene_each}

        def start():
            frames.put(frame(0))
            frames.close()

        _, shown = live(Senses(None, both), LiveMedia((), frames, start, frames.close))
        assert len(shown) == 2

    def test_the_end_of_speech_ends_them(self):
        frames = Fan()
        media = LiveMedia(iter([chunk(0)]), frames, lambda: frames.put(frame(0)), frames.close)
        ok, shown = live(Senses(one_subtitle_each, {"scene": one_scene_each}), media)
        assert ok
        assert list(frames.reader()) == []
        assert {type(event).__name__ for event in shown} >= {"SpeechStarted", "Subtitle"}

    def test_go_on_when_speech_fails(self):
        frames = Fan()
        failed = threading.Event()

        def captions(chunks):
            raise SourceError("the microphone melted")
            yield

        def one_scene_after_the_failure(seen):
            failed.wait(5)
            yield from one_scene_each(seen)

        def start():
            threading.Timer(0.1, lambda: (frames.put(frame(0)), frames.close(), failed.set())).start()

        media = LiveMedia(iter([chunk(0)]), frames, start, frames.close)
        ok, shown = live(Senses(captions, {"scene": one_scene_after_the_failure}), media)
        assert not ok
        assert [type(event) for event in shown] == [StageFailed, SceneRecognized]

    def test_speech_goes_on_when_one_fails(self):
        def blind(frames):
            raise SourceError("the lens broke")
            yield

        heard = threading.Event()

        def sound():
            heard.wait(0.1)
            yield chunk(0)

        ok, shown = live(Senses(one_subtitle_each, {"signs": blind}), LiveMedia(sound(), Fan(), heard.clear, heard.set))
        assert not ok
        assert [event.stage for event in shown if isinstance(event, StageFailed)] == ["signs"]
        assert any(isinstance(event, Subtitle) for event in shown)


def test_a_replay_nobody_listens_to_keeps_its_sound_to_itself():
    frames = Fan()
    pictures = frames.reader()
    media = replay_live(FakeReplay([chunk(0), frame(1)]), frames, queue_s=1, events=Fifo(10), hears=False)
    media.start()
    assert list(media.audio) == []
    assert pictures.take(1.0).captured_ns == 1
