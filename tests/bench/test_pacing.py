"""How many rounds there are."""

from edge.bench.pacing import (
    KILL_S,
    QUICK_LATEST_S,
    QUICK_MOST_ROUNDS,
    Pace,
)
from edge.bench.plan import FULL_ROUND_S, FULL_ROUNDS, QUICK_LEAST_ROUNDS, QUICK_S, Choice


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


def paced(*, quick=True, sessions_s=0.0):
    clock = Clock()
    return Pace(Choice(quick=quick), sessions_s, clock), clock


def rounds(pace, clock, round_s, *, group=16, waiting=0):
    """How many there are when each takes so long, the first one done."""
    end_s, done = pace.end_s(group, waiting), 1
    while pace.another(done, round_s, end_s):
        clock.now_s += round_s
        done += 1
    return done


def test_a_full_benchmark_gives_every_stage_the_same_however_long_it_takes():
    pace, clock = paced(quick=False)
    assert pace.round().seconds == FULL_ROUND_S
    assert rounds(pace, clock, 500.0) == FULL_ROUNDS
    assert pace.for_sessions() is None
    assert not pace.over


def test_a_quick_benchmark_fills_its_two_minutes_with_rounds():
    pace, clock = paced(sessions_s=20.0)
    pace.peaks_s = 8.0
    clock.now_s += 40.0
    done = rounds(pace, clock, 6.0)
    assert done == 1 + (120 - 40 - 20 - 8 - 2) // 6
    clock.now_s += 8.0
    assert pace.for_sessions() is None
    assert clock.now_s + 20.0 <= 100 + QUICK_S


def test_every_stage_has_two_rounds_on_a_slow_machine():
    pace, clock = paced()
    clock.now_s += 200
    assert rounds(pace, clock, 30.0) == QUICK_LEAST_ROUNDS
    assert pace.for_sessions() is None  # and the sessions are played


def test_nothing_is_begun_when_it_takes_far_too_long():
    pace, clock = paced()
    clock.now_s += QUICK_LATEST_S
    assert pace.over
    assert rounds(pace, clock, 30.0) == 1
    assert pace.kill_s() == 1.0
    assert pace.for_sessions() == 0.0


def test_there_are_not_more_rounds_than_are_useful():
    pace, clock = paced()
    assert rounds(pace, clock, 1.0, group=1) == QUICK_MOST_ROUNDS


def test_a_group_leaves_time_for_those_that_wait():
    pace, clock = paced()
    for _ in range(8):
        clock.now_s += 4.0
        pace.learn(4.0)
    alone, half = pace.end_s(8, 0), pace.end_s(8, 8)
    assert half - clock.now_s < (alone - clock.now_s) / 2
    assert half + 8 * 4.0 < 100 + QUICK_S


def test_a_process_may_not_take_forever():
    pace, clock = paced()
    assert pace.kill_s() == KILL_S
    clock.now_s += QUICK_LATEST_S - 30
    assert pace.kill_s() == 30
