"""Ratios, their spread and what is said of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture
def ratios(script):
    return script("peers_ratios")


def test_rounds_are_compared_with_themselves(ratios):
    ours, theirs = {"a": [1.0, 10.0, 2.0]}, {"a": [2.0, 20.0, 8.0]}
    assert ratios.item_ratios(ours, theirs, ["a"]) == [0.5]
    assert ratios.item_ratios(ours, theirs, ["gone"]) == []


def test_rounds_that_only_one_took_part_in_do_not_count(ratios):
    ours, theirs = {"a": [1.0, 2.0, 900.0]}, {"a": [2.0, 4.0]}
    assert ratios.item_ratios(ours, theirs, ["a"]) == [0.5]
    assert ratios.item_ratios(theirs, ours, ["a"]) == [2.0]


def test_a_machine_that_slows_down_for_some_rounds_does_not_move_the_ratio(ratios):
    random = np.random.default_rng(3)
    load = random.uniform(1, 5, 9)
    ours, theirs = {"a": list(2 * load)}, {"a": list(10 * load)}
    assert ratios.item_ratios(ours, theirs, ["a"]) == [pytest.approx(0.2)]


def test_spread_is_nothing_where_inputs_agree_and_repeats(ratios):
    assert ratios.spread_of([0.3] * 7) == (pytest.approx(0.3), pytest.approx(0.3))
    values = [0.2, 0.3, 0.4, 0.5, 0.6]
    assert ratios.spread_of(values) == ratios.spread_of(values)
    low, high = ratios.spread_of(values)
    assert 0.2 <= low < 0.4 < high <= 0.6


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=12))
def test_the_interval_holds_the_median(values):
    import importlib.util
    import sys
    from pathlib import Path

    folder = Path(__file__).resolve().parents[2] / "benchmarks"
    sys.path[:0] = [str(folder)]
    try:
        spec = importlib.util.spec_from_file_location("peers_ratios_alone", folder / "peers_ratios.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(folder))
    low, high = module.spread_of(values)
    assert low <= float(np.median(values)) * (1 + 1e-9)
    assert high >= float(np.median(values)) * (1 - 1e-9)


@pytest.mark.parametrize(
    ("ratio", "interval", "verdict"),
    [
        (0.21, (0.20, 0.23), "we lead"),
        (1.35, (1.30, 1.40), "behind by 35 %"),
        (0.97, (0.90, 1.02), "level"),
        (1.02, (0.99, 1.10), "level"),
    ],
)
def test_verdicts_need_an_interval_on_one_side(ratios, ratio, interval, verdict):
    assert ratios.verdict_of(ratio, interval) == verdict


@pytest.fixture
def measured(script):
    measuring, process = script("peers_measuring"), script("peers_process")

    def make(name, times, **changes):
        system = process.System(name, "worker", {}, "fp32", 1, "same", **changes)
        return measuring.Measured(system, times_ms=times)

    return make


@pytest.fixture
def items(script):
    measuring = script("peers_measuring")
    return [measuring.Item("a", "short", {}), measuring.Item("b", "long", {}), measuring.Item("c", "long", {})]


def test_rows_are_of_groups_in_the_order_of_the_inputs(ratios, measured, items):
    ours = measured("x", {"a": [1.0, 3.0], "b": [2.0, 2.0], "c": [4.0, 4.0]}, ours=True)
    theirs = measured("y", {"a": [4.0, 12.0], "b": [4.0, 4.0], "c": [4.0, 4.0]})
    short, long = ratios.groups_of(items, theirs, ours)
    assert (short.group, short.items, short.calls, short.p50_ms, short.p90_ms) == ("short", 1, 2, 4.0, 12.0)
    assert (short.ratio, short.interval, short.verdict) == (0.25, (0.25, 0.25), "we lead")
    assert (long.group, long.items, long.ratio, long.verdict) == ("long", 2, 0.75, "level")
    assert (short.total_ms, long.total_ms) == (8.0, 8.0)


def test_ours_has_no_ratio_to_itself_and_nobody_has_one_without_ours(ratios, measured, items):
    ours = measured("x", {"a": [1.0]}, ours=True)
    theirs = measured("y", {"a": [1.0]})
    assert ratios.groups_of(items, ours, ours)[0].ratio is None
    assert ratios.groups_of(items, theirs, None)[0].ratio is None
    assert ratios.groups_of(items, theirs, measured("x", {}, ours=True))[0].verdict is None
