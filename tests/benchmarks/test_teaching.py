"""The arithmetic of the teaching benchmark, on embeddings whose answers are known."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

FILE = Path(__file__).parents[2] / "benchmarks" / "teaching.py"
SIZE = 32


@pytest.fixture(scope="module")
def teaching():
    spec = importlib.util.spec_from_file_location("teaching_benchmark", FILE)
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def rows(generator, count, center):
    vectors = center + 0.3 * generator.normal(size=(count, SIZE))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def clear(teaching):
    """Eight things on axes of their own, and strangers on others; a cohort of anything."""
    generator = np.random.default_rng(0)
    axes = 4 * np.eye(SIZE)
    things = {f"thing {number}": rows(generator, 9, axes[number]) for number in range(8)}
    strangers = np.concatenate([rows(generator, 4, axes[number]) for number in range(10, 30)])
    return teaching.Kind(things, {name: name for name in things}, strangers), rows(generator, 100, np.zeros(SIZE))


@pytest.mark.parametrize("rule", ["least squares", "mean cosine", "nearest view"])
def test_things_that_are_far_apart_are_all_told(teaching, clear, rule):
    kind, cohort = clear
    outcome = teaching.play(kind, cohort, teaching.RULES[rule], 10)
    assert len(outcome.own) == 10 * teaching.THINGS * (9 - teaching.VIEWS)
    threshold = teaching.choose([outcome])
    assert outcome.recognised(threshold) == 1
    assert outcome.falsely_named(threshold) <= teaching.ALLOWED_FALSE + 0.01
    assert outcome.recognised(10.0) == outcome.falsely_named(10.0) == 0
    assert outcome.recognised(-10.0) == outcome.falsely_named(-10.0) == 1


def test_things_that_are_alike_are_not(teaching, clear):
    kind, cohort = clear
    generator = np.random.default_rng(1)
    same = {name: rows(generator, 9, np.ones(SIZE)) for name in kind.things}
    outcome = teaching.play(
        teaching.Kind(same, kind.families, kind.strangers), cohort, teaching.RULES["least squares"], 10
    )
    assert outcome.right.mean() < 0.4
    assert outcome.falsely_named(0.3) > 0.2, "the things that were not taught are strangers, too"


def test_siblings_are_no_strangers(teaching, clear):
    kind, cohort = clear
    family = teaching.Kind(kind.things, dict.fromkeys(kind.things, "milk"), kind.strangers)
    outcome = teaching.play(family, cohort, teaching.RULES["least squares"], 4)
    assert len(outcome.siblings) == 4 * 3 * 9
    assert len(outcome.strange) == 4 * len(kind.strangers)
    assert len(teaching.play(kind, cohort, teaching.RULES["least squares"], 4).siblings) == 0


def test_the_strictest_kind_decides_the_threshold(teaching):
    def outcome(level):
        return teaching.Outcome(np.ones(1), np.ones(1, bool), np.linspace(0, level, 1001), np.zeros(0))

    assert teaching.choose([outcome(0.2), outcome(0.8), outcome(0.5)]) == pytest.approx(0.8 * 0.96)


def test_halves_depend_on_the_name_only_and_are_both_used(teaching):
    halves = [teaching.half_of(f"thing {number}") for number in range(200)]
    assert halves == [teaching.half_of(f"thing {number}") for number in range(200)]
    assert 70 < halves.count("choose") < 130


def test_without_pictures_it_says_so_and_succeeds(teaching, tmp_path, capsys):
    assert teaching.main(["--data", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("skipped: no pictures in")
