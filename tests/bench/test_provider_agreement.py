"""Which differences between two providers are rounding, and which are other answers."""

import numpy as np
import pytest

from edge.bench.provider_agreement import MOST, disagreement
from edge.bench.provider_recording import Run

VALUES = np.array([[3.0, -4.0, 0.0]], np.float32)


def judged(right, other):
    return disagreement([Run({}, {"y": np.asarray(right)})], [{"y": np.asarray(other)}])


def test_the_same_numbers_agree():
    assert judged(VALUES, VALUES.copy()) == (0.0, None)


@pytest.mark.parametrize(("apart", "agrees"), [(MOST * 0.95, True), (MOST * 1.05, False)])
def test_numbers_may_differ_by_two_percent_of_their_size(apart, agrees):
    difference, wrong = judged(VALUES, VALUES * np.float32(1 + apart))
    assert difference == pytest.approx(apart, rel=1e-3)
    assert wrong is None if agrees else wrong == "y: differs by 2.1%"


def test_the_difference_is_of_the_whole_tensor_not_of_its_zeros():
    difference, wrong = judged(VALUES, VALUES + np.array([[0, 0, 0.05]], np.float32))
    assert difference == pytest.approx(0.05 / 5, rel=1e-3)  # rms 5 / sqrt 3, apart 0.05 / sqrt 3
    assert wrong is None


def test_tokens_must_be_equal():
    assert judged([[5, 6]], [[5, 6]]) == (0.0, None)
    assert judged([[5, 6]], [[5, 7]]) == (1.0, "y: other tokens or numbers")


def test_a_shape_must_be_equal():
    assert judged(VALUES, VALUES[:, :2]) == (1.0, "y: shape [1, 2] instead of [1, 3]")


@pytest.mark.parametrize(
    ("right", "other"),
    [(1.0, np.nan), (np.nan, 1.0), (np.inf, -np.inf), (np.inf, np.nan), (1.0, np.inf)],
)
def test_what_is_not_finite_must_be_the_same(right, other):
    assert judged([2.0, right], [2.0, other])[1] == "y: not finite"


def test_masks_of_infinity_agree():
    assert judged([2.0, -np.inf, np.nan], [2.0, -np.inf, np.nan]) == (0.0, None)


def test_the_best_class_must_be_the_same_even_where_numbers_are_near():
    scores = np.full((1, 16), 9.0, np.float32)
    scores[0, 3], scores[0, 4] = 9.01, 9.0
    other = scores.copy()
    other[0, 4] = 9.02
    difference, wrong = judged(scores, other)
    assert difference < MOST
    assert wrong == "y: another best class"


def test_scores_that_are_alike_may_change_places():
    """As the probabilities of the letters of a line do, which are no classes at all."""
    letters = np.full((1, 20), 0.9999999, np.float32)
    letters[0, 6] = 0.99999976
    other = letters.copy()
    other[0, 6], other[0, 0] = 1.0, 0.9999998
    difference, wrong = judged(letters, other)
    assert other.argmax() != letters.argmax()
    assert 0 < difference < 1e-5
    assert wrong is None


def test_one_row_of_many_with_another_best_class_is_enough():
    scores = np.tile(np.linspace(0, 9, 16, dtype=np.float32), (50, 1))
    other = scores.copy()
    other[49, 14] = 9.1
    assert judged(scores, other)[1] == "y: another best class"


def test_few_columns_are_no_classes():
    assert judged([[9.01, 9.0]], [[9.0, 9.01]])[1] is None


def test_zeros_agree_only_with_zeros():
    assert judged(np.zeros(3), np.zeros(3)) == (0.0, None)
    assert judged(np.zeros(3), np.full(3, 1e-9)) == (1.0, "y: differs by 100.0%")


def test_nothing_agrees_with_nothing():
    assert judged(np.zeros((0, 4)), np.zeros((0, 4))) == (0.0, None)


def test_the_largest_difference_and_the_first_that_is_wrong_are_told():
    runs = [Run({}, {"a": VALUES, "b": VALUES}), Run({}, {"a": VALUES})]
    got = [{"a": VALUES, "b": VALUES * np.float32(1.5)}, {"a": VALUES * np.float32(3)}]
    difference, wrong = disagreement(runs, got)
    assert difference == pytest.approx(2.0)
    assert wrong == "b: differs by 50.0%"


def test_a_provider_that_answered_fewer_questions_is_no_comparison():
    with pytest.raises(ValueError, match="shorter"):
        disagreement([Run({}, {}), Run({}, {})], [{}])
