"""The direction that tells a thing from all others."""

import numpy as np
import pytest

from edge.errors import ModelCorruptError
from edge.perception.prototypes import COHORT_FILE, direction, load_cohort

SIZE = 48


def rows(generator, count, center=0.0):
    vectors = generator.normal(size=(count, SIZE)) + center
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def generator():
    return np.random.default_rng(3)


class TestDirection:
    def test_views_lie_near_one_and_others_near_zero(self, generator):
        thing = generator.normal(size=SIZE) * 2
        views, others, cohort = rows(generator, 5, thing), rows(generator, 300), rows(generator, 400)
        way = direction(views, cohort)
        assert way.shape == (SIZE,)
        assert way.dtype == np.float32
        assert (rows(generator, 50, thing) @ way).min() > 0.6
        assert np.quantile(others @ way, 0.95) < 0.3

    def test_what_all_pictures_share_tells_nothing(self, generator):
        """The cosine to the mean takes a common direction for likeness; the cohort takes it away."""
        common = np.zeros(SIZE)
        common[0] = 20
        thing = np.zeros(SIZE)
        thing[1] = 10
        views, cohort = rows(generator, 5, common + thing), rows(generator, 400, common)
        mine, strange = rows(generator, 50, common + thing), rows(generator, 50, common)
        mean = views.mean(axis=0)
        way = direction(views, cohort)
        assert np.median(strange @ mean) > 0.7 * np.median(mine @ mean)
        assert np.median(strange @ way) < 0.2 * np.median(mine @ way)

    def test_without_a_cohort_views_still_lie_near_one(self, generator):
        views = rows(generator, 5)
        np.testing.assert_allclose(views @ direction(views, np.zeros((0, 0), np.float32)), 1, atol=0.1)

    def test_one_view_is_enough_to_compute(self, generator):
        view = rows(generator, 1)
        assert (view @ direction(view, rows(generator, 100)))[0] > 0.7

    def test_the_same_views_in_another_order_or_twice_give_the_same(self, generator):
        views, cohort = rows(generator, 5), rows(generator, 100)
        expected = direction(views, cohort)
        np.testing.assert_allclose(direction(views[::-1], cohort), expected, atol=1e-4)
        np.testing.assert_allclose(direction(np.concatenate([views, views]), cohort), expected, atol=1e-4)


class TestCohort:
    def test_is_read_as_float32(self, tmp_path, generator):
        cohort = rows(generator, 7)
        np.save(tmp_path / COHORT_FILE, cohort.astype(np.float16))
        found = load_cohort(tmp_path, "model")
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, cohort, atol=1e-3)

    def test_a_recogniser_without_one(self, tmp_path):
        assert load_cohort(tmp_path, "model").shape == (0, 0)

    @pytest.mark.parametrize("content", [b"", b"no array", b"\x93NUMPY\x01\x00"])
    def test_not_an_array(self, tmp_path, content):
        (tmp_path / COHORT_FILE).write_bytes(content)
        with pytest.raises(ModelCorruptError, match=r"model model: cohort\.npy is corrupt .*; run: edge models pull"):
            load_cohort(tmp_path, "model")

    @pytest.mark.parametrize("wrong", [np.zeros(4), np.full((2, 2), np.nan)])
    def test_an_array_of_something_else(self, tmp_path, wrong):
        np.save(tmp_path / COHORT_FILE, wrong)
        with pytest.raises(ModelCorruptError):
            load_cohort(tmp_path, "model")

    def test_nothing_is_executed(self, tmp_path):
        np.save(tmp_path / COHORT_FILE, np.array([print], dtype=object), allow_pickle=True)
        with pytest.raises(ModelCorruptError):
            load_cohort(tmp_path, "model")
