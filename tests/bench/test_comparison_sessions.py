"""Sessions of two reports side by side; every number is made up."""

import math

import pytest
import sample_report

from edge.bench.comparison import compare
from edge.bench.report import Latency, Session

RUNS = 100


def latency(*times_ms):
    middle = sorted(times_ms)[len(times_ms) // 2] if times_ms else None
    return Latency(count=len(times_ms), p50_ms=middle, p90_ms=middle, p99_ms=middle, samples_ms=times_ms)


def report(*sessions):
    return sample_report.report(full=False, changes={"sessions": sessions})


def session(caption=None, name="all", **more):
    return Session(name=name, senses=("speech",), caption=caption, **more)


def changes(before, after):
    return compare(report(before), report(after)).sessions


def captions(rng, factor=1.0, count=10):
    """Captions of utterances that take unlike times, which vary a little."""
    return latency(*[factor * (400 + 60 * number) * math.exp(rng.gauss(0, 0.05)) for number in range(count)])


def test_captions_are_compared_each_with_its_own():
    before = session(latency(400, 500, 600, 700, 800))
    [one] = changes(before, session(latency(520, 650, 780, 910, 1041)))
    assert (one.session, one.kind, one.verdict) == ("all", "caption", "slower")
    assert one.ratio == pytest.approx(1.3, abs=0.001)
    assert one.interval[0] <= one.ratio <= one.interval[1]
    assert (one.before_ms, one.after_ms) == (600, 780)
    [back] = changes(session(latency(520, 650, 780, 910, 1041)), before)
    assert back.verdict == "faster"


def test_a_session_that_became_slower_makes_the_whole_worse():
    slow = compare(report(session(latency(*[500.0] * 6))), report(session(latency(*[700.0] * 6))))
    assert slow.is_worse
    assert not compare(report(session(latency(*[500.0] * 6))), report(session(latency(*[520.0] * 6)))).is_worse


def test_a_slower_program_is_found_and_an_honest_one_is_not_accused():
    rng = sample_report.noise(3)
    honest = [changes(session(captions(rng)), session(captions(rng)))[0].verdict for _ in range(RUNS)]
    planted = [changes(session(captions(rng)), session(captions(rng, 1.3)))[0].verdict for _ in range(RUNS)]
    assert honest.count("slower") + honest.count("faster") <= 0.05 * RUNS
    assert planted.count("slower") >= 0.95 * RUNS


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (latency(*[500.0] * 6), latency(*[900.0] * 7), "6 were shown before and 7 after"),
        (latency(500.0, 500.0), latency(900.0, 900.0), "only 2; run: edge bench --sessions all"),
        (latency(*[100.0, 900.0] * 3), latency(*[900.0, 150.0] * 3), "too noisy; run both again on a quiet machine"),
    ],
)
def test_what_cannot_be_told_is_unclear_with_the_reason(before, after, why):
    [one] = changes(session(before), session(after))
    assert (one.verdict, one.why) == ("unclear", why)


@pytest.mark.parametrize(
    "other",
    [
        session(None),
        session(latency()),
        session(latency(*[500.0] * 6), name="speech"),
        session(latency(*[500.0] * 6), status="unfinished", reason="stopped"),
        Session(name="all", senses=("speech", "signs"), caption=latency(*[500.0] * 6)),
    ],
    ids=["no captions", "none shown", "another session", "stopped", "other senses"],
)
def test_what_is_not_alike_is_not_compared(other):
    assert changes(session(latency(*[500.0] * 6)), other) == ()


def test_a_session_that_fails_now_is_broken():
    failed = session(status="failed", reason="exit 1; run: edge doctor")
    found = compare(report(session(latency(*[500.0] * 6))), report(failed))
    assert found.broken == ("session all: exit 1; run: edge doctor",)
    assert found.is_worse
