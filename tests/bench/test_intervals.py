"""Student's t and intervals of ratios."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.bench.intervals import Spread, pooled, ratio_interval, shared_by, spread, student

TABLE = [  # of any book of statistics: share, freedom, t
    (0.975, 1, 12.706),
    (0.975, 2, 4.303),
    (0.975, 3, 3.182),
    (0.975, 10, 2.228),
    (0.995, 4, 4.604),
    (0.9995, 7, 5.408),
    (0.95, 30, 1.697),
    (0.975, 100_000, 1.960),
]


@pytest.mark.parametrize(("share", "freedom", "t"), TABLE)
def test_student_is_what_the_tables_say(share, freedom, t):
    assert student(share, freedom) == pytest.approx(t, abs=6e-4)


def test_rounds_that_agree_have_no_spread_and_one_round_says_nothing():
    assert spread([4.0, 4.0, 4.0]) == Spread(0.0, 2)
    assert spread([4.0]) == spread([]) == spread([0.0, 1.0]) == Spread(0.0, 0)
    assert spread([1.0, math.e]).variance == pytest.approx(0.5)


def test_of_five_rounds_the_slowest_and_the_fastest_do_not_count():
    calm = spread([1.0, 1.0, 1.0, 1.0, 9.0])
    assert calm == Spread(0.0, 2)
    assert spread([1.0, 1.0, 1.0, 9.0]).variance > 1
    ratio, _, _ = ratio_interval([10, 10, 10, 10, 10], [30, 10, 10, 10, 5], Spread(0.001, 20), 0.05)
    assert ratio == pytest.approx(1)


def test_pooled_is_a_mean_weighted_by_freedom():
    assert pooled([Spread(1.0, 1), Spread(4.0, 2), Spread(9.0, 0)]) == Spread(3.0, 3)
    assert pooled([]) == Spread(0.0, 0)


def test_stages_share_more_than_their_mean_when_they_are_unlike():
    assert shared_by([Spread(2.0, 2), Spread(2.0, 1)]) == Spread(2.0, 3)
    assert shared_by([Spread(1.0, 1), Spread(7.0, 1), Spread(0.0, 0)]) == Spread(5.0, 2)
    assert shared_by([]) == Spread(0.0, 0)


def test_a_restless_stage_is_never_taken_for_quiet_and_a_quiet_one_borrows_noise():
    shared = Spread(0.0009, 40)
    _, low, high = ratio_interval([10, 10], [10, 10], shared, 0.05)
    _, wild_low, wild_high = ratio_interval([10, 14], [10, 14], shared, 0.05)
    assert low < 1 < high < wild_high
    assert wild_low < low


@given(st.floats(0.1, 10), st.lists(st.floats(1, 100), min_size=2, max_size=4))
def test_the_ratio_is_that_of_the_times_and_lies_within(factor, rounds):
    found = ratio_interval(rounds, [factor * one for one in rounds], Spread(0.001, 20), 0.05)
    assert found[0] == pytest.approx(factor)
    assert found[1] < found[0] < found[2]


@pytest.mark.parametrize("rounds", [(), (0.0, 1.0)])
def test_nothing_to_judge_by(rounds):
    assert ratio_interval(rounds, (1.0, 1.0), Spread(0.1, 3), 0.05) is None
    assert ratio_interval((1.0, 1.0), (1.0, 1.0), Spread(0.0, 0), 0.05) is None


@pytest.mark.parametrize("rounds", [3, 8])
def test_intervals_hold_the_truth_as_often_as_they_say(rounds):
    rng, missed, runs = random.Random(7), 0, 2000  # noqa: S311 - no secret depends on it
    for _ in range(runs):
        before, after = ([math.exp(rng.gauss(0, 0.05)) for _ in range(rounds)] for _ in range(2))
        _, low, high = ratio_interval(before, after, pooled([spread(before), spread(after)]), 0.1)
        missed += not low <= 1 <= high
    assert 0.08 < missed / runs < 0.12
