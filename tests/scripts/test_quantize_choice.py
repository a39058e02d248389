"""The Pareto front and the choice on it: pure logic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture(autouse=True)
def _path(scripts_on_path):
    pass


def candidate(name, size_mb, median, sqnr_db, *, low=None, high=None, agreement=None):
    from quantize_choice import Candidate
    from quantize_timing import Ratio

    ratio = None if median is None else Ratio(median, low or median * 0.99, high or median * 1.01, 50.0)
    return Candidate(name, "int8", size_mb, ratio, sqnr_db, agreement)


def choice(*others, least_db=20.0, least_agreement=0.0, float_mb=100.0):
    from quantize_choice import choose, unchanged

    return choose([unchanged(float_mb), *others], least_db, least_agreement).name


numbers = st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5))


@given(st.lists(numbers, min_size=1, max_size=12))
def test_nobody_on_the_front_is_beaten_and_everybody_else_is(rows):
    from quantize_choice import front

    made = [candidate(str(index), size, time, db) for index, (size, time, db) in enumerate(rows)]

    def beaten(one):
        return any(
            other.size_mb <= one.size_mb
            and other.ratio.median <= one.ratio.median
            and other.sqnr_db >= one.sqnr_db
            and (other.size_mb, other.ratio.median, other.sqnr_db) != (one.size_mb, one.ratio.median, one.sqnr_db)
            for other in made
        )

    kept = {one.name for one in front(made)}
    assert kept == {one.name for one in made if not beaten(one)}
    assert kept


@given(st.lists(numbers, min_size=1, max_size=8), st.integers(1, 5))
def test_the_choice_is_on_the_front_and_faithful_enough(rows, least):
    from quantize_choice import choose, front, unchanged

    made = [unchanged(10.0), *(candidate(str(i), *row) for i, row in enumerate(rows))]
    taken = choose(made, least)
    assert taken in front(made)
    assert taken.sqnr_db >= least


@pytest.fixture(scope="module", autouse=True)
def scripts_on_path_once():
    """Hypothesis wants no fixture that is made anew for every test."""


def test_untimed_candidates_are_not_on_the_front():
    from quantize_choice import front

    assert front([candidate("broken", 1.0, None, 3.0)]) == []


def test_float_stays_where_nothing_is_faithful_enough():
    assert choice(candidate("dynamic", 25, 0.5, 12)) == "float"


def test_float_stays_where_everything_is_slow_and_hardly_smaller():
    assert choice(candidate("dynamic", 90, 1.5, 40)) == "float"


def test_half_the_time_is_worth_a_quarter_of_the_size():
    fast, small = candidate("fast", 80, 0.5, 30), candidate("small", 17, 1.0, 30, low=0.9, high=1.1)
    assert choice(fast, small) == "small"
    assert choice(fast, candidate("larger", 25, 1.0, 30, low=0.9, high=1.1)) == "fast"


def test_of_two_that_cost_about_the_same_the_more_faithful_one_is_taken():
    assert choice(candidate("dynamic", 25, 0.50, 25), candidate("rows", 25.2, 0.51, 35)) == "rows"
    assert choice(candidate("dynamic", 25, 0.50, 25), candidate("rows", 25.2, 0.60, 35)) == "dynamic"


def test_a_time_that_may_be_that_of_float_does_not_decide():
    lucky = candidate("lucky", 50, 0.7, 30, low=0.5, high=1.2)
    assert choice(lucky, candidate("small", 30, 1.1, 30, low=0.8, high=1.3)) == "small"


def test_float_is_not_taken_for_its_fidelity_where_something_costs_less():
    unsure = candidate("small", 70, 1.1, 30, low=0.9, high=1.4)
    assert choice(unsure) == "small"
    assert choice(candidate("slow", 70, 1.1, 30, low=1.05, high=1.4)) == "slow"


def test_times_of_next_to_nothing_do_not_decide():
    from quantize_choice import Candidate, choose, unchanged
    from quantize_timing import Ratio

    quick = Candidate("quick", "int8", 60.0, Ratio(0.4, 0.39, 0.41, 0.1), 30.0)
    small = Candidate("small", "q8", 40.0, Ratio(1.6, 1.5, 1.7, 0.4), 30.0)
    assert choose([unchanged(100.0), quick, small], 20.0).name == "small"


def test_agreement_is_asked_for_only_where_it_is_wanted():
    wrong = candidate("wrong", 25, 0.5, 30, agreement=0.5)
    assert choice(wrong) == "wrong"
    assert choice(wrong, least_agreement=0.9) == "float"


def test_the_record_holds_what_was_measured():
    row = candidate("rows", 25.0, 0.5, 30.0, agreement=0.9).row()
    assert row["time_ratio"] == 0.5
    assert row["time_spread"] == [0.5 * 0.99, 0.5 * 1.01]
    assert (row["sqnr_db"], row["agreement"], row["excluded"]) == (30.0, 0.9, [])
    assert candidate("late", 0.0, None, 0.0).row()["time_ratio"] is None
