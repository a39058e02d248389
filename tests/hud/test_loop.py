import io
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from edge.channels import Fifo, Latest
from edge.errors import SinkError
from edge.events import (
    ObjectsDetected,
    SceneRecognized,
    SeenObject,
    SessionStarted,
    SignsMoved,
    SignTranslated,
    SpeechEnded,
    SpeechRejected,
    SpeechStarted,
    StageFailed,
    Subtitle,
)
from edge.hud.fonts import Fonts
from edge.hud.layout import layout
from edge.hud.loop import Hud
from edge.hud.sinks import ConsoleSink
from edge.media import VideoFrame
from edge.settings import HudSettings

S = 1_000_000_000
FONTS = Fonts.load(system=False)
SETTINGS = HudSettings(width=320, height=180, fps=20)


class Recorder:
    """A sink that remembers."""

    def __init__(self, name="recorder", fails_at=None, stops_at=None):
        self.name, self.fails_at, self.stops_at = name, fails_at, stops_at
        self.shown, self.told, self.polled, self.closed = [], [], 0, 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def show(self, image, now_ns):
        self.shown.append((now_ns, image))
        if len(self.shown) == self.fails_at:
            raise SinkError("the disk is full")

    def poll(self, now_ns):
        self.polled += 1
        return self.stops_at is None or self.polled < self.stops_at

    def tell(self, event):
        self.told.append(event)

    def close(self):
        self.closed += 1


def hud(*sinks, settings=SETTINGS, **changes):
    reported = []
    made = Hud(settings.model_copy(update=changes), sinks, FONTS, reported.append)
    return made, reported


def said(utterance, at_s, text="Bom dia."):
    return Subtitle(int(at_s * S), utterance, "Good morning.", text, "en", "pt")


def replay(made, events):
    for event in events:
        made.advance(event.captured_ns)
        made.handle(event, event.captured_ns)
    made.advance(events[-1].captured_ns)


def test_an_event_is_shown_and_then_reported_with_its_latency():
    sink = Recorder()
    made, reported = hud(sink)
    made.handle(SessionStarted(0, ("en",), "pt"), 0)
    made.handle(said(1, 1.0), int(1.5 * S))
    assert reported == [SessionStarted(0, ("en",), "pt")]
    assert sink.shown == []
    made.advance(int(1.5 * S), clock=lambda: int(1.75 * S))
    assert len(sink.shown) == 1
    assert reported[1:] == [replace(said(1, 1.0), latency_ms=750.0)]
    made.advance(2 * S)
    assert len(reported) == 2


def test_latency_is_never_negative():
    made, reported = hud(Recorder())
    made.handle(said(1, 5.0), 4 * S)
    made.advance(4 * S)
    assert reported[0].latency_ms == 0


def test_a_subtitle_that_waits_is_reported_when_it_is_shown():
    made, reported = hud(Recorder())
    for number in (1, 2, 3):
        made.handle(said(number, 0, "x" * 34), 0)
    made.advance(0)
    assert [event.utterance for event in reported] == [1, 2]
    made.advance(1 * S)
    assert len(reported) == 2
    made.advance(3 * S)
    assert reported[2].utterance == 3
    assert reported[2].latency_ms == 1600


def test_a_subtitle_shown_on_the_way_is_stamped_with_that_time():
    made, reported = hud(Recorder())
    for number in (1, 2, 3):
        made.handle(said(number, 0, "x" * 34), 0)
    made.advance(0)
    made.advance(60 * S)
    assert [event.latency_ms for event in reported] == [0, 0, 1600]


def test_subtitles_never_shown_are_reported_without_latency():
    made, reported = hud(Recorder())
    for number in (1, 2, 3):
        made.handle(said(number, 0), 0)
    made.advance(0)
    made.close()
    assert [(event.utterance, event.latency_ms is None) for event in reported] == [(1, False), (2, False), (3, True)]


def test_nothing_is_drawn_when_nothing_changed():
    sink = Recorder()
    made, _ = hud(sink)
    made.handle(SessionStarted(0, ("en",), "pt"), 0)
    for n in range(20):
        made.advance(n * S)
    assert len(sink.shown) == 1
    made.handle(SpeechEnded(0, 1, 1.0), 20 * S)
    made.advance(20 * S)
    assert len(sink.shown) == 1
    made.handle(SpeechStarted(0, 2), 21 * S)
    made.advance(21 * S)
    made.handle(SpeechRejected(0, 2, "silence"), 22 * S)
    made.advance(22 * S)
    assert [now for now, _ in sink.shown] == [0, 21 * S, 22 * S]


def test_changes_on_the_way_are_shown_at_their_time():
    sink = Recorder()
    made, _ = hud(sink)
    made.handle(said(1, 0), 0)
    made.advance(0)
    made.advance(60 * S)
    assert [now for now, _ in sink.shown] == [0, 6 * S]
    assert sink.shown[0][1].any()
    assert not sink.shown[1][1].any()


def test_settle_shows_everything_that_waits():
    sink = Recorder()
    made, reported = hud(sink)
    for number in range(1, 6):
        made.handle(said(number, 0, f"Frase {number}"), 0)
    end = made.settle(0)
    assert [event.utterance for event in reported] == [1, 2, 3, 4, 5]
    assert made.state.captions == ()
    assert sink.shown[-1][0] == end
    assert 6 * S < end < 20 * S


def test_camera_frames_are_the_backdrop():
    sink = Recorder()
    made, _ = hud(sink)
    frame = VideoFrame(np.full((180, 320, 3), 77, np.uint8), 0)
    made.look(frame)
    made.advance(0)
    made.look(None)
    made.advance(1)
    assert len(sink.shown) == 1
    assert (sink.shown[0][1] == 77).all()
    assert sink.shown[0][1] is not frame.image


def test_black_backdrop_ignores_the_camera():
    sink = Recorder()
    made, _ = hud(sink, backdrop="black")
    made.look(VideoFrame(np.full((180, 320, 3), 77, np.uint8), 0))
    made.advance(0)
    assert not sink.shown[0][1].any()


def test_a_failing_sink_is_closed_and_the_others_go_on():
    good, bad = Recorder("good"), Recorder("bad", fails_at=1)
    made, reported = hud(bad, good)
    made.handle(said(1, 0), 0)
    made.advance(0)
    assert bad.closed == 1
    assert StageFailed(0, "hud bad", "the disk is full") in reported
    made.handle(said(2, 1), 1 * S)
    made.advance(1 * S)
    assert len(bad.shown) == 1
    assert len(good.shown) == 2
    assert "the disk is full" in made.state.notices[0].text
    assert good.told == [said(1, 0), StageFailed(0, "hud bad", "the disk is full"), said(2, 1)]


def test_when_the_last_sink_fails_it_is_said():
    made, _ = hud(Recorder(fails_at=1))
    with pytest.raises(SinkError, match="disk is full"):
        made.advance(0)


def test_close_closes_all_sinks_and_reports_the_first_failure():
    class Stuck(Recorder):
        def close(self):
            super().close()
            raise SinkError(f"{self.name} is stuck")

    sinks = [Stuck("one"), Stuck("two"), Recorder()]
    made, _ = hud(*sinks)
    with pytest.raises(SinkError, match="one is stuck"):
        made.close()
    assert [sink.closed for sink in sinks] == [1, 1, 1]
    made.close()


def test_console_alone_needs_no_fonts_and_reports_at_once(capsys, monkeypatch):
    monkeypatch.setattr(Fonts, "load", lambda *_: pytest.fail("fonts were loaded"))
    import sys

    reported = []
    made = Hud(SETTINGS, [ConsoleSink(sys.stdout)], on_shown=reported.append)
    for number in range(1, 5):
        made.handle(said(number, 0), 1 * S)
    made.advance(1 * S)
    assert [event.latency_ms for event in reported] == [1000.0] * 4
    assert capsys.readouterr().out.count("pt  Bom dia.") == 4


def test_no_sinks_is_allowed():
    made, reported = hud()
    replay(made, [SessionStarted(0, (), "pt"), said(1, 1)])
    assert reported[1].latency_ms == 0


def script():
    events = [SessionStarted(0, ("en",), "pt")]
    for number in range(1, 8):
        events += [SpeechStarted(number * S, number), said(number, number + 0.5, f"Frase {number}, " * number)]
    return events


def test_a_flat_out_replay_gives_the_same_pictures():
    runs = []
    for _ in range(2):
        sink = Recorder()
        made, reported = hud(sink)
        replay(made, script())
        made.settle(10 * S)
        runs.append((sink.shown, reported))
    (one, told), (two, retold) = runs
    assert told == retold
    assert [now for now, _ in one] == [now for now, _ in two]
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(one, two, strict=True))
    assert len(one) > 15


def test_run_shows_until_the_channel_closes():
    sink = Recorder()
    made, reported = hud(sink)
    events = Fifo(50)
    for event in script():
        events.put(event)
    events.close()
    made.run(events)
    assert len(events) == 0
    assert len(reported) >= 10
    assert sink.polled > 0


def test_run_wakes_for_an_event_at_once():
    sink = Recorder()
    made, reported = hud(sink)
    events = Fifo(5)

    def speak():
        events.put(SessionStarted(time.monotonic_ns(), (), "pt"))
        events.put(said(1, time.monotonic_ns() / S))
        events.close()

    thread = threading.Thread(target=speak)
    thread.start()
    made.run(events)
    thread.join()
    assert reported[-1].latency_ms is not None
    assert sink.shown[-1][1].any()


def test_run_stops_when_the_wearer_asks():
    sink = Recorder(stops_at=2)
    made, _ = hud(sink)
    made.run(Fifo(5))
    assert sink.polled == 2


class Clock:
    """Time that passes by itself, one millisecond a look; waiting for an event takes as long as it is told."""

    def __init__(self):
        self.now = 0

    def __call__(self):
        self.now += 1_000_000
        return self.now


class Waiting:
    """A channel without events for `seconds`, then closed."""

    def __init__(self, clock, seconds):
        self.clock, self.end, self.waits = clock, int(seconds * S), 0

    @property
    def closed(self):
        return self.clock.now >= self.end

    def __len__(self):
        return 0

    def get(self, timeout_s=None):
        self.waits += 1
        self.clock.now += int(timeout_s * S)


def test_idle_wakes_ten_times_a_second_and_draws_nothing():
    clock = Clock()
    events = Waiting(clock, 10)
    sink = Recorder()
    made, _ = hud(sink)
    made.run(events, clock=clock)
    assert events.waits <= 100
    assert len(sink.shown) == 1


def test_camera_frames_are_drawn_at_most_fps_times_a_second():
    clock = Clock()
    events = Waiting(clock, 10)
    sink = Recorder()
    made, _ = hud(sink, fps=5)

    class Camera:
        taken = 0

        def take(self, timeout_s=0.0):
            self.taken += 1
            return VideoFrame(np.full((180, 320, 3), self.taken, np.uint8), clock.now)

    made.run(events, Camera(), clock=clock)
    assert 45 <= len(sink.shown) <= 51


def test_run_takes_frames_from_a_latest_channel():
    sink = Recorder()
    made, _ = hud(sink)
    events, frames = Fifo(5), Latest()
    frames.put(VideoFrame(np.full((90, 160, 3), 50, np.uint8), 0))
    events.put(SessionStarted(0, (), "pt"))
    events.close()
    made.run(events, frames)
    assert (sink.shown[-1][1][90, 160] == 50).all()


def box(x=40.0, y=60.0):
    return ((x, y), (x + 120, y), (x + 120, y + 30), (x, y + 30))


def sign(at_s, translation="SAIDA", where=None):
    return SignTranslated(int(at_s * S), 1, where or box(), "EXIT", translation, "en", "pt")


def frame(level=150, size=(320, 180)):
    return VideoFrame(np.full((size[1], size[0], 3), level, np.uint8), 0)


def test_a_sign_is_drawn_and_then_reported_with_its_latency():
    sink = Recorder()
    made, reported = hud(sink)
    made.look(frame())
    made.handle(sign(1.0), 2 * S)
    assert reported == []
    made.advance(2 * S, clock=lambda: int(2.25 * S))
    assert reported == [replace(sign(1.0), latency_ms=1250.0)]
    assert (sink.shown[-1][1][60:90, 40:160] != 150).any()
    assert (sink.shown[-1][1][120:] == 150).all()


def test_a_scene_is_reported_with_its_latency_too():
    made, reported = hud(Recorder())
    made.handle(SceneRecognized(S, "mug", "caneca", 0.9, "pt"), 2 * S)
    made.advance(2 * S)
    assert reported == [SceneRecognized(S, "mug", "caneca", 0.9, "pt", 1000.0)]


def objects(*boxes, ns=0):
    return ObjectsDetected(ns, tuple(SeenObject(n, "cup", "x", 0.9, box) for n, box in enumerate(boxes, 1)), "pt")


def test_boxes_follow_things_and_go_with_them():
    sink = Recorder()
    made, reported = hud(sink)
    made.look(frame(size=(640, 360)))  # drawn at half its size
    made.handle(objects((200.0, 120.0, 400.0, 240.0), ns=S), 2 * S)
    made.advance(2 * S)
    assert reported == [replace(objects((200.0, 120.0, 400.0, 240.0), ns=S), latency_ms=1000.0)]
    picture = sink.shown[-1][1]
    assert (picture[60:120, 100:103] != 150).any(axis=2).all()
    assert (picture[70:110, 110:190] == 150).all()
    made.advance(3 * S)
    assert len(sink.shown) == 1, "nothing changed, nothing is drawn"
    made.handle(objects((240.0, 120.0, 440.0, 240.0)), 3 * S)
    made.advance(3 * S)
    assert (sink.shown[-1][1][70:110, 100:118] == 150).all()
    made.handle(objects(), 4 * S)
    made.advance(4 * S)
    assert (sink.shown[-1][1] == 150).all()


def test_signs_without_pixels_are_reported_at_once():
    made, reported = hud(Named())
    made.handle(sign(1.0, None), 2 * S)
    made.advance(2 * S)
    assert reported[0].latency_ms == 1000


class Named(ConsoleSink):
    """A console that nobody reads."""

    def __init__(self):
        super().__init__(io.StringIO())


def test_a_sign_moves_and_goes_with_the_scene():
    sink = Recorder()
    made, reported = hud(sink)
    made.look(frame())
    made.handle(sign(0.0), 0)
    made.advance(0)
    moved = SignsMoved(S, ((1, box(180.0, 100.0)),))
    made.handle(moved, S)
    made.advance(S)
    picture = sink.shown[-1][1]
    assert (picture[60:90, 40:160] == 150).all()
    assert (picture[100:130, 180:300] != 150).any()
    assert reported[-1] == moved
    made.handle(SignsMoved(2 * S, ()), 2 * S)
    made.advance(2 * S)
    assert (sink.shown[-1][1] == 150).all()
    made.advance(3 * S)
    assert len(sink.shown) == 3


def test_boxes_of_a_larger_frame_are_drawn_where_the_backdrop_is():
    sink = Recorder()
    made, _ = hud(sink)
    made.look(frame(size=(1280, 960)))  # cut to 1280x720, drawn at a quarter of its size
    made.handle(sign(0.0, where=((160.0, 360.0), (640.0, 360.0), (640.0, 480.0), (160.0, 480.0))), 0)
    made.advance(0)
    changed = np.argwhere((sink.shown[-1][1] != 150).any(axis=2))
    assert abs(changed[:, 0].mean() - 75) < 3
    assert abs(changed[:, 1].mean() - 100) < 6


def test_see_through_displays_show_signs_on_their_own_paper_at_their_place():
    sink = Recorder()
    made, _ = hud(sink, backdrop="black")
    made.look(frame(size=(640, 360)))
    made.handle(replace(sign(0.0, where=box(200.0, 200.0)), paper=(10, 200, 90)), 0)
    made.advance(0)
    picture = sink.shown[-1][1]
    assert (picture[104:106, 102:158] == (10, 200, 90)).all(axis=2).mean() > 0.3
    assert not picture[:80].any()
    made.look(frame(size=(640, 360)))
    made.advance(S)
    assert len(sink.shown) == 1


@pytest.mark.parametrize("translation", [None, "EXIT"])
def test_signs_without_a_translation_change_no_picture(translation):
    sink = Recorder()
    made, reported = hud(sink)
    made.look(frame())
    made.advance(0)
    made.handle(sign(0.0, translation), 0)
    made.advance(0)
    assert len(sink.shown) == 1
    assert len(reported) == 1


def test_overlay_off_draws_no_signs():
    sink = Recorder()
    made, _ = hud(sink, overlay="off")
    made.look(frame())
    made.handle(sign(0.0), 0)
    made.advance(0)
    assert (sink.shown[-1][1] == 150).all()


def test_counts_the_pictures_it_draws_a_second():
    made, _ = hud(Recorder(), backdrop="camera")
    for index in range(4):
        made.look(VideoFrame(np.full((9, 16, 3), index, np.uint8), index))
        made.advance(index * S // 10)
        assert index or made.fps is None
    made.advance(9 * S)  # nothing new, nothing drawn
    assert made.fps == 10.0
    made.look(None)
    assert made.looked == 4


def laid_out(monkeypatch):
    """Counts how often things are placed."""
    calls = []
    monkeypatch.setattr("edge.hud.loop.layout", lambda *given: calls.append(1) or layout(*given))
    return calls


def test_time_pictures_and_signs_that_move_place_nothing_anew(monkeypatch):
    calls = laid_out(monkeypatch)
    recorder = Recorder()
    made, _ = hud(recorder)
    made.look(frame())
    made.handle(said(1, 0.0), 0)
    made.handle(sign(0.1, "SAIDA", box()), S // 10)
    made.advance(S // 10)
    before = len(calls)
    for step in range(5):
        now = S // 2 + step * S // 10
        made.look(VideoFrame(np.full((180, 320, 3), 100 + step, np.uint8), now, step))
        made.handle(SignsMoved(now, ((1, box(40.0 + 9 * step)),)), now)
        made.advance(now)
    assert len(calls) == before
    assert len(recorder.shown) >= 6


@pytest.mark.parametrize(
    "event",
    [
        said(2, 0.2, "Outra coisa."),
        SpeechStarted(S // 5, 7),
        StageFailed(S // 5, "translation", "no pack"),
        SceneRecognized(S // 5, "cup", "copo", 0.9, "pt"),
        SessionStarted(S // 5, ("en",), "pt", recording=True),
    ],
)
def test_what_changes_the_words_is_placed_anew(event, monkeypatch):
    calls = laid_out(monkeypatch)
    recorder = Recorder()
    made, _ = hud(recorder)
    made.handle(SessionStarted(0, ("en",), "pt"), 0)
    made.handle(said(1, 0.0), 0)
    made.advance(0)
    calls.clear()
    made.handle(event, S // 5)
    made.advance(S // 5)
    assert calls
    assert not np.array_equal(recorder.shown[0][1], recorder.shown[-1][1])


def test_a_kept_layout_is_the_layout_of_the_state():
    for overlay, backdrop in (("replace", "camera"), ("off", "black"), ("below", "black")):
        recorder = Recorder()
        made, _ = hud(recorder, overlay=overlay, backdrop=backdrop)
        made.look(frame())
        for step, event in enumerate(
            [*script(), sign(2.0), SignsMoved(3 * S, ()), SceneRecognized(3 * S, "a", "b", 1.0, "pt")]
        ):
            made.handle(event, event.captured_ns + step)
            for later in (0, S // 3, 2 * S):
                made.advance(event.captured_ns + step + later)
                assert made._blocks() == layout(made.state, (320, 180), FONTS.measure)


def test_signs_that_are_plain_lines_come_and_go():
    recorder = Recorder()
    made, _ = hud(recorder, overlay="off", backdrop="black")
    made.advance(0)
    made.handle(sign(0.1), S // 10)
    made.advance(S // 10)
    made.handle(SignsMoved(S, ()), S)
    made.advance(S)
    pictures = [image for _, image in recorder.shown]
    assert len(pictures) == 3
    assert pictures[1].any()
    assert np.array_equal(pictures[0], pictures[2])
