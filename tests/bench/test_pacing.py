"""The time that each process gets."""

import pytest

from edge.bench.pacing import LEAST_S, MOST_S, Pace
from edge.bench.plan import FULL_ROUND_S, QUICK_S, Choice
from edge.bench.process import Outcome
from edge.bench.stage import Variant

ONE = Variant("speech.encoder", "int8", 2)


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


def paced(*, quick=True, sessions_s=0.0):
    clock = Clock()
    return Pace(Choice(quick=quick), sessions_s, 20, clock), clock


def test_a_full_benchmark_gives_every_round_the_same():
    pace, clock = paced(quick=False)
    before = pace.share(ONE, 100, first=True)
    clock.now_s += 10_000
    assert pace.share(ONE, 100, first=False) == before
    assert before.seconds == FULL_ROUND_S
    assert pace.for_sessions() is None


@pytest.mark.parametrize("left", [1, 40, 1000])
def test_the_first_pass_has_time_to_load_judge_and_count_on_a_slow_machine(left):
    pace, _ = paced()
    share = pace.share(ONE, left, first=True)
    assert share.kill_s == 60
    assert LEAST_S <= share.seconds <= MOST_S


def test_nothing_runs_far_beyond_the_end():
    pace, clock = paced()
    clock.now_s += 112
    share = pace.share(ONE, 10, first=False)
    assert clock.now_s + share.kill_s <= 100 + 1.1 * QUICK_S
    clock.now_s += 6
    assert pace.share(ONE, 9, first=False) is None


def test_sessions_and_the_second_peaks_are_kept_back_until_they_are_done():
    pace, clock = paced(sessions_s=30.0)
    pace.peaks_took(9.0)
    clock.now_s += 80
    assert pace.share(ONE, 5, first=True) is None
    assert pace.for_sessions() == 30
    pace.sessions_done()
    pace.peaks_took(9.0)
    assert pace.share(ONE, 5, first=True) is not None


def test_what_a_process_cost_is_learned():
    pace, _ = paced()
    dear, cheap = (Variant(name, "int8", 2) for name in ("dear", "cheap"))
    pace.learn(dear, Outcome(answer="{}", wall_s=6.0, before_s=4.0), 1.0)
    pace.learn(cheap, Outcome(answer="{}", wall_s=2.0, before_s=0.5), 1.0)
    pace.learn(ONE, Outcome(status=None, wall_s=60.0), 0.0)  # it never began: nothing to learn
    assert pace.share(dear, 40, first=False).seconds < pace.share(cheap, 40, first=False).seconds
    assert pace.overheads_s == {dear: 4.0, cheap: 0.5}
