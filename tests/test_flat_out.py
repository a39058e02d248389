import pytest
from session_fakes import FakeReplay, Recorder, S, chunk, frame, hud_with, one_subtitle_each

from edge.errors import InferenceError
from edge.events import AudioLost, SceneRecognized, StageFailed, Subtitle
from edge.flat_out import LockStep, run_flat_out
from edge.session import Senses


def test_flat_out_shows_every_event_in_order_on_the_recordings_own_clock():
    def play():
        shown = []
        sink = Recorder()
        replay = FakeReplay([frame(0), chunk(0), chunk(1), chunk(2)])
        run_flat_out(replay, Senses(one_subtitle_each), hud_with(shown.append, sink), fps=15)
        return shown, sink.shown

    first, second = play(), play()
    assert first == second
    assert [type(event).__name__ for event in first[0]] == ["SpeechStarted", "Subtitle"] * 3
    assert max(first[1]) <= 3 * S  # the sound and the linger, nothing of the wall clock


def test_flat_out_tells_of_lost_sound_before_what_follows():
    shown = []
    run_flat_out(FakeReplay([chunk(0), chunk(5, lost=6400)]), Senses(one_subtitle_each), hud_with(shown.append), fps=15)
    assert [type(event).__name__ for event in shown] == [
        "SpeechStarted", "Subtitle", "AudioLost", "SpeechStarted", "Subtitle",
    ]  # fmt: skip
    assert shown[2] == AudioLost(5 * S // 10, 0.4)


def test_a_stop_ends_a_recording_that_runs_flat_out():
    shown = []
    asked = iter([False, False, True])
    run_flat_out(
        FakeReplay([chunk(0), chunk(1), chunk(2)]),
        Senses(one_subtitle_each),
        hud_with(shown.append),
        15,
        asked.__next__,
    )
    assert [event.utterance for event in shown] == [1, 1, 2, 2]


def named(seen):
    return SceneRecognized(seen.captured_ns, "mug", "caneca", 0.9, "pt")


def each(frames):
    for seen in frames:
        yield named(seen)


class TestLockStep:
    def test_says_what_a_frame_gave_before_the_next(self):
        step = LockStep("scene", each)
        assert [[event.captured_ns for event in step.push(frame(at))] for at in (1, 2, 3)] == [[1], [2], [3]]
        step.close()

    def test_a_frame_may_give_nothing(self):
        def second_only(frames):
            frames = iter(frames)
            for _first in frames:
                yield named(next(frames))

        step = LockStep("scene", second_only)
        assert [len(step.push(frame(at))) for at in range(4)] == [0, 1, 0, 1]
        step.close()

    def test_a_failure_is_told_once_and_nothing_hangs(self):
        def blind(frames):
            for _ in frames:
                raise InferenceError("the graph is broken")
            yield

        step = LockStep("signs", blind)
        assert step.push(frame(7)) == [StageFailed(7, "signs", "the graph is broken")]
        assert step.push(frame(8)) == []
        step.close()

    def test_a_pipeline_that_asks_for_nothing_ends_at_once(self):
        step = LockStep("signs", lambda frames: iter(()))
        assert step.push(frame(0)) == []
        step.close()


def play(senses, items):
    shown = []
    run_flat_out(FakeReplay(items), senses, hud_with(shown.append), fps=15)
    return shown


def test_pictures_and_sound_are_told_of_in_the_order_of_the_recording():
    items = [frame(0), chunk(0), frame(S // 10), chunk(1)]
    shown = play(Senses(one_subtitle_each, {"scene": each}), items)
    assert [type(event).__name__ for event in shown] == [
        "SceneRecognized", "SpeechStarted", "Subtitle", "SceneRecognized", "SpeechStarted", "Subtitle",
    ]  # fmt: skip
    assert shown == play(Senses(one_subtitle_each, {"scene": each}), items)


def test_a_silent_film_is_seen_to_its_end():
    shown = play(Senses(None, {"scene": each}), [frame(0), frame(S), frame(2 * S)])
    assert [event.captured_ns for event in shown] == [0, S, 2 * S]


@pytest.mark.parametrize("sense", ["signs", "scene"])
def test_a_blind_sense_leaves_the_others_alone(sense):
    def blind(frames):
        next(iter(frames))
        raise InferenceError("no")
        yield

    shown = play(Senses(one_subtitle_each, {sense: blind}), [frame(0), chunk(0), frame(S), chunk(1)])
    assert [event.stage for event in shown if isinstance(event, StageFailed)] == [sense]
    assert len([event for event in shown if isinstance(event, Subtitle)]) == 2
