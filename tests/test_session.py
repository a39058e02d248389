import io
import threading
import time
from dataclasses import replace

import numpy as np

from edge.channels import Fifo, Latest
from edge.errors import SourceError
from edge.events import AudioLost, SessionEnded, SpeechStarted, StageFailed, Subtitle
from edge.hud.loop import Hud
from edge.hud.sinks import ConsoleSink
from edge.media import NS_PER_S, AudioChunk, VideoFrame
from edge.session import LiveMedia, Tally, replay_live, run_flat_out, run_live
from edge.settings import HudSettings
from edge.sources.recording import BLOCK_S

S = NS_PER_S


def chunk(index, lost=0):
    return AudioChunk(np.zeros(1600, np.float32), 16000, index * S // 10, lost)


def one_subtitle_each(chunks):
    """A speech sense that captions every chunk."""
    for number, heard in enumerate(chunks, start=1):
        yield SpeechStarted(heard.captured_ns, number)
        yield Subtitle(heard.ended_ns, number, f"said {number}", f"dito {number}", "en", "pt")


class Recorder:
    """A sink that notes what it was shown and told."""

    name = "recorder"

    def __init__(self):
        self.shown = []
        self.told = []
        self.open = True

    def show(self, image, now_ns):
        self.shown.append(now_ns)

    def tell(self, event):
        self.told.append(event)

    def poll(self, _now_ns):
        return True

    def close(self):
        self.open = False


def hud_with(on_shown, sink=None):
    return Hud(HudSettings(width=320, height=180), [sink or Recorder()], on_shown=on_shown)


class FakeReplay:
    def __init__(self, items):
        self.items = items
        self.closed = False

    def __iter__(self):
        for item in self.items:
            if self.closed:
                return
            yield item

    def close(self):
        self.closed = True


def test_flat_out_shows_every_event_in_order_on_the_recordings_own_clock():
    def play():
        shown = []
        sink = Recorder()
        frame = VideoFrame(np.zeros((180, 320, 3), np.uint8), 0)
        replay = FakeReplay([frame, chunk(0), chunk(1), chunk(2)])
        run_flat_out(replay, one_subtitle_each, hud_with(shown.append, sink), fps=15)
        return shown, sink.shown

    first, second = play(), play()
    assert first == second
    assert [type(event).__name__ for event in first[0]] == ["SpeechStarted", "Subtitle"] * 3
    assert max(first[1]) <= 3 * S  # the sound and the linger, nothing of the wall clock


def test_flat_out_tells_of_lost_sound_before_what_follows():
    shown = []
    run_flat_out(FakeReplay([chunk(0), chunk(5, lost=6400)]), one_subtitle_each, hud_with(shown.append), fps=15)
    assert [type(event).__name__ for event in shown] == [
        "SpeechStarted", "Subtitle", "AudioLost", "SpeechStarted", "Subtitle",
    ]  # fmt: skip
    assert shown[2] == AudioLost(5 * S // 10, 0.4)


def live(captions, media, seconds=None):
    shown = []
    events = Fifo(100)
    hud = Hud(HudSettings(), [ConsoleSink(io.StringIO(), "both")], on_shown=shown.append)
    ok = run_live(media, captions, hud, events, seconds)
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
        run_live(LiveMedia(sound(), None, lambda: None, closed.set), one_subtitle_each, hud, Fifo(10), None)
        assert [type(event).__name__ for event in shown] == ["SpeechStarted", "Subtitle"]


def test_a_stop_ends_a_live_session_at_once_and_loses_nothing():
    closed = threading.Event()

    def sound():
        closed.wait(5)
        yield chunk(0)

    shown = []
    hud = Hud(HudSettings(), [ConsoleSink(io.StringIO(), "both")], on_shown=shown.append)
    media = LiveMedia(sound(), None, lambda: None, closed.set, linger_s=60)
    assert run_live(media, one_subtitle_each, hud, Fifo(10), None, stop=lambda: True)
    assert [type(event).__name__ for event in shown] == ["SpeechStarted", "Subtitle"]


def test_a_stop_ends_a_recording_that_runs_flat_out():
    shown = []
    asked = iter([False, False, True])
    run_flat_out(
        FakeReplay([chunk(0), chunk(1), chunk(2)]), one_subtitle_each, hud_with(shown.append), 15, asked.__next__
    )
    assert [event.utterance for event in shown] == [1, 1, 2, 2]


def test_a_replay_paced_live_feeds_both_channels_and_marks_what_was_dropped():
    frames = Latest()
    items = [chunk(0), VideoFrame(np.zeros((2, 2, 3), np.uint8), 0), *(chunk(i) for i in range(1, 200))]
    media = replay_live(FakeReplay(items), frames, queue_s=0.5, events=Fifo(10))
    media.start()
    while frames.take(0.05) is None:
        pass
    time.sleep(0.2)  # let the small channel overflow: nobody reads yet
    heard = list(media.audio)
    assert heard[-1].captured_ns == chunk(199).captured_ns
    assert heard[0].captured_ns > 0  # the oldest went
    assert len(heard) == round(0.5 / BLOCK_S)


def test_tally_counts_what_was_shown():
    tally = Tally()
    for event in [SpeechStarted(0, 1), Subtitle(0, 1, "a", "b", "en", "pt", latency_ms=100.0), AudioLost(0, 1.5),
                  SpeechStarted(0, 2), Subtitle(0, 2, "a", "b", "en", "pt", latency_ms=300.0)]:  # fmt: skip
        tally.count(event)
    assert tally.ended(9, 50.0) == SessionEnded(9, 2, 2, 100.0, 300.0, 1.5, 50.0)
    assert tally.totals() == (
        "captions: 2 of 2 utterances; last spoken sample to caption: p50 100 ms, p90 300 ms; 1.5 s of sound lost"
    )
    assert tally.totals(timed=False) == "captions: 2 of 2 utterances; 1.5 s of sound lost"
    assert Tally().totals() == "captions: 0 of 0 utterances"
    assert Tally().ended(0, None) == SessionEnded(0, 0, 0, None, None, 0.0, None)
