"""Long sessions: durations, growth, and reports while they run."""

import itertools

import pytest

from edge.bench.endurance import Watch, parse_duration, slope
from edge.bench.film import Film, Spoken
from edge.bench.sessions_child import Played, Sample
from edge.errors import BenchmarkError
from edge.hardware.record import Condition
from tests.bench.test_sessions import S, events

FILM = Film(None, 10.0, (Spoken("good day", 1.0, 2.0),), data="fake")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("30s", 30),
        ("10m", 600),
        ("8h", 28800),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("2M 5".replace(" ", ""), 125),
    ],
)
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "h", "8 hours", "-5", "5x", "10m1h", "nan"])
def test_no_durations(text):
    with pytest.raises(BenchmarkError, match="--soak 8h"):
        parse_duration(text)


def test_slope():
    assert slope([(at, 3 + 0.5 * at) for at in range(0, 400, 5)]) == pytest.approx(0.5)
    assert slope([(0, 1.0), (200, 9.0), (299, 50.0)]) is None  # too short to tell
    assert slope([(0, 1.0), (200, 9.0), (299, 50.0)], 200) is not None
    assert slope([(0, 1.0), (600, 2.0)]) is None
    assert slope([]) is None


def samples(seconds, mb_per_h=0.0, threads=(9, 9), files=(20, 20)):
    times = range(0, seconds, 5)
    return [Sample(at, 300 + mb_per_h * at / 3600, threads[at > seconds / 2], files[at > seconds / 2]) for at in times]


def watch(told=None, clock=None):
    return Watch(
        "soak",
        ("speech",),
        FILM,
        1000,
        lambda: Condition(at_s=1.0),
        None if told is None else told.append,
        **({} if clock is None else {"clock": clock}),
    )


def seen_by(looker, happened):
    for event in happened:
        looker.take(event)
    return looker


def at_seconds(pairs, *extra):
    told = events()[:1]
    for number, (at_s, ms) in enumerate(pairs):
        caption = events(ms)[1]
        told.append({**caption, "utterance": number, "captured_ns": 5 * S + int(at_s * S)})
    return [*told, *extra]


def test_a_sound_session_has_no_problems():
    captions = at_seconds([(at, 300.0) for at in range(5, 2400, 10)])
    played = Played(None, "", 800.0, samples(2400))
    session = seen_by(watch([]), captions).session(played, "unfinished", "x")
    assert session.problems == ()
    assert session.rss_growth_mb_per_h == pytest.approx(0)
    assert session.lag_growth_ms_per_h == pytest.approx(0)
    assert (session.threads, session.open_files) == ((9, 9), (20, 20))
    assert (session.caption_first.count, session.caption_last.p50_ms) == (6, 300.0)


def test_what_grows_is_found():
    captions = at_seconds([(at, 300.0 + at) for at in range(5, 2400, 10)])
    seen = samples(2400, mb_per_h=120.0, threads=(9, 30), files=(20, 40))
    session = seen_by(watch([]), captions).session(Played(None, "", 800.0, seen), "unfinished", "x")
    assert session.rss_growth_mb_per_h == pytest.approx(120, rel=0.01)
    assert session.lag_growth_ms_per_h == pytest.approx(3600, rel=0.01)
    assert [problem.split(" ")[0] for problem in session.problems] == ["memory", "captions", "threads", "open"]
    assert session.caption_last.p50_ms > session.caption_first.p50_ms


@pytest.mark.parametrize(
    ("seconds", "first", "last"),
    [(30, 3, 0), (65, 6, 0), (75, 6, 1), (125, 6, 6), (605, 6, 12)],
)
def test_beginning_and_end_are_whole_films_and_never_the_same(seconds, first, last):
    """A film of 10 s with one caption each: six of them are a minute, and the end is a fifth or a minute."""
    captions = at_seconds([(at, 300.0 if at < 60 else 500.0) for at in range(5, seconds, 10)])
    ready_for = {"event": "SpeechStarted", "captured_ns": 5 * S + seconds * S}
    session = seen_by(watch([]), [*captions, ready_for]).session(Played(None, "", 800.0), "unfinished", "x")
    assert (session.caption_first.count, session.caption_last.count) == (first, last)
    assert session.caption_first.p50_ms == 300.0
    assert session.caption_last.p50_ms == (500.0 if last else None)
    assert session.lag_growth_ms_per_h is None, "too short to tell"


def test_captions_that_come_later_at_the_end_are_a_problem():
    def problems(ms):
        captions = at_seconds([(at, 300.0 if at < 300 else ms) for at in range(5, 600, 10)])
        return seen_by(watch([]), captions).session(Played(None, "", 800.0), "unfinished", "x").problems

    assert problems(750.0) == ()
    assert problems(850.0) == ("captions came 550 ms later at the end than at the beginning",)


def test_a_look_while_it_ends_does_not_hide_what_grew():
    seen = [*samples(600, threads=(9, 30)), Sample(601, 300.0, 3, 4)]
    session = seen_by(watch([]), at_seconds([(599, 300.0)])).session(Played(0, "", 800.0, seen), "measured", None)
    assert (session.threads, session.open_files) == ((9, 30), (20, 20))
    assert "threads grew from 9 to 30" in session.problems


def test_threads_that_start_in_the_first_minute_are_no_growth():
    seen = [Sample(0, 300.0, 3, 5), *samples(600)]
    session = seen_by(watch([]), at_seconds([(599, 300.0)])).session(Played(0, "", 800.0, seen), "measured", None)
    assert (session.threads, session.open_files) == ((9, 9), (20, 20))
    assert not any("grew" in problem for problem in session.problems)


def test_where_nothing_can_be_looked_at_nothing_is_said():
    seen = [Sample(at, None, None, None) for at in range(0, 600, 5)]
    session = seen_by(watch([]), at_seconds([(599, 300.0)])).session(Played(0, "", 800.0, seen), "measured", None)
    assert (session.threads, session.open_files, session.rss_growth_mb_per_h, session.peak_rss_mb) == (None,) * 4


def test_warming_up_is_no_growth():
    seen = [Sample(at, min(300 + 10 * at, 800), 9, 20) for at in range(0, 600, 5)]
    looker = seen_by(watch([]), at_seconds([(599, 300.0)]))
    session = looker.session(Played(None, "", 800.0, seen), "unfinished", "x")
    assert session.rss_growth_mb_per_h == pytest.approx(0)


def test_senses_that_die_and_lost_sound_are_problems():
    died = {"event": "StageFailed", "captured_ns": 6 * S, "stage": "signs", "message": "broken"}
    lost = {"event": "AudioLost", "captured_ns": 7 * S, "seconds": 2.5}
    looker = seen_by(watch(), at_seconds([(1, 300.0)], died, died, lost))
    session = looker.session(Played(0, "", 800.0), "measured", None)
    assert session.problems == ("signs failed: broken", "2.5 s of sound were lost")


def test_a_sense_that_falls_silent_is_a_problem():
    spoke = at_seconds([(at, 300.0) for at in range(5, 100, 10)])
    alive = seen_by(watch([]), spoke).session(Played(None, "", 800.0, samples(120)), "unfinished", "x")
    assert alive.problems == ()
    silent = seen_by(watch([]), spoke).session(Played(None, "", 800.0, samples(200)), "unfinished", "x")
    assert silent.problems == ("speech: nothing for 100 s",)
    never = seen_by(watch([]), at_seconds([])).session(Played(None, "", 800.0, samples(100)), "unfinished", "x")
    assert never.problems == ("speech: nothing for 95 s",)
    short = seen_by(watch(), spoke).session(Played(None, "", 800.0, samples(200)), "unfinished", "x")
    assert short.problems == ()


def test_a_sense_that_was_silent_for_long_and_came_back_is_a_problem():
    spoke = at_seconds([(5, 300.0), (80, 300.0), (85, 300.0)])
    session = seen_by(watch([]), spoke).session(Played(None, "", 800.0, samples(90)), "unfinished", "x")
    assert session.problems == ("speech: nothing for 75 s",)


def test_a_long_session_reports_every_minute():
    told = []
    now = itertools.count(0, 20)
    looker = watch(told, lambda: next(now))
    for _ in range(9):
        looker.each(Played(None, "", 800.0, samples(100)))
    assert len(told) == 3
    assert {(one.name, one.status, one.reason) for one in told} == {("soak", "unfinished", "it was still running")}
    assert [len(one.conditions) for one in told] == [1, 2, 3]


def test_a_short_session_is_silent_until_its_end():
    now = itertools.count(0, 100)
    looker = watch(None, lambda: next(now))
    looker.each(Played(None, "", 800.0))
    assert looker.conditions == []


def test_a_session_that_said_nothing_is_empty():
    session = watch([]).session(Played(None), "unfinished", "interrupted")
    assert (session.seconds, session.caption, session.problems) == (0.0, None, ())
