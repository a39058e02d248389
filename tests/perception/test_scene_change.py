"""The change gate: noise, shaking and exposure are nothing new; things and places are."""

import numpy as np
import pytest

from edge.perception.scene_change import COLUMNS, ROWS, SceneGate, _outside, change, is_blank, motion, thumbnail


def picture(seed, height=540, width=960):
    """Soft patches of grey, as a room has them."""
    import cv2

    coarse = np.random.default_rng(seed).integers(20, 220, (6, 10, 3)).astype(np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def with_cup(image, level=250):
    copy = image.copy()
    height, width = image.shape[:2]
    copy[height // 3 : 2 * height // 3, width // 3 : width // 3 + height // 3] = level
    return copy


@pytest.fixture
def gate():
    """A gate that has kept picture 1."""
    gate = SceneGate()
    assert gate.see(picture(1)) == "new"
    gate.keep()
    return gate


class TestSame:
    def test_the_same_picture(self, gate):
        assert gate.see(picture(1)) == "same"

    def test_noise_of_the_sensor(self, gate):
        noise = np.random.default_rng(5).normal(0, 12, (540, 960, 3))
        assert gate.see(np.clip(picture(1) + noise, 0, 255).astype(np.uint8)) == "same"

    @pytest.mark.parametrize("pixels", [-12, -5, 5, 12])
    def test_a_head_that_shakes_a_little(self, gate, pixels):
        wide = picture(1, 580, 1000)
        gate.see(wide[20:560, 20:980])
        gate.see(wide[20:560, 20:980])
        gate.keep()
        assert gate.see(wide[20 + pixels : 560 + pixels, 20 + pixels : 980 + pixels]) == "same"

    @pytest.mark.parametrize("levels", [-20, 20])
    def test_automatic_exposure(self, gate, levels):
        assert gate.see(np.clip(picture(1).astype(int) + levels, 0, 255).astype(np.uint8)) == "same"

    def test_another_resolution_of_the_same(self, gate):
        assert gate.see(picture(1, 270, 480)) == "same"


class TestNew:
    def test_the_first(self):
        assert SceneGate().see(picture(1)) == "new"

    def test_stays_new_until_it_is_kept(self):
        gate = SceneGate()
        assert [gate.see(picture(1)) for _ in range(3)] == ["new"] * 3
        gate.keep()
        assert gate.see(picture(1)) == "same"

    def test_a_cup_put_down_and_taken_away(self, gate):
        cup = with_cup(picture(1))
        gate.see(cup)
        assert gate.see(cup) == "new"
        gate.keep()
        assert gate.see(cup) == "same"
        gate.see(picture(1))
        assert gate.see(picture(1)) == "new"

    def test_another_colour_of_the_same_brightness(self, gate):
        gate.see(picture(1)[..., ::-1])
        assert gate.see(picture(1)[..., ::-1]) == "new"

    def test_slow_change_adds_up(self, gate):
        start, end = picture(1).astype(float), picture(2).astype(float)
        views = [gate.see((start + (end - start) * share).astype(np.uint8)) for share in np.linspace(0, 1, 60)]
        assert views[0] == "same"
        assert views[-1] == "new"
        assert "moving" not in views


class TestMoving:
    def test_one_view_replaced_by_another_and_then_rest(self, gate):
        assert gate.see(picture(2)) == "moving"
        assert gate.see(picture(2)) == "new"

    def test_back_where_it_was(self, gate):
        gate.see(picture(2))
        assert gate.see(picture(1)) == "moving"
        assert gate.see(picture(1)) == "same"


class TestThumbnail:
    @pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (17, 31), (540, 960), (3000, 4000)])
    def test_any_size(self, shape):
        small = thumbnail(np.full((*shape, 3), 200, np.uint8))
        assert small.shape == (ROWS, COLUMNS, 3)
        assert small.dtype == np.float32
        np.testing.assert_allclose(small, 200, atol=0.01)

    def test_measures_of_equal_pictures_are_zero(self):
        small = thumbnail(picture(1))
        assert motion(small, small) == change(small, small) == 0

    def test_change_forgives_one_cell_and_motion_does_not(self):
        small = thumbnail(picture(1))
        shifted = np.roll(small, 1, axis=1)
        shifted[:, 0] = small[:, 0]
        assert change(small, shifted) == pytest.approx(0, abs=1)
        assert motion(small, shifted) > 3


class TestBlank:
    @pytest.mark.parametrize("level", [0, 128, 255])
    def test_one_colour(self, level):
        assert is_blank(np.full((480, 640, 3), level, np.uint8))

    def test_a_covered_lens_with_noise(self):
        noise = np.random.default_rng(0).normal(8, 5, (480, 640, 3))
        assert is_blank(np.clip(noise, 0, 255).astype(np.uint8))

    def test_a_room(self):
        assert not is_blank(picture(1))

    def test_a_small_thing_on_a_white_table(self):
        image = np.full((480, 640, 3), 255, np.uint8)
        image[200:260, 300:360] = 30
        assert not is_blank(image)


def outside_by_hand(one, other):
    """What `_outside` says, cell by cell."""
    rows, columns, colours = one.shape
    worst = np.zeros((rows, columns))
    for y in range(rows):
        for x in range(columns):
            around = one[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].reshape(-1, colours)
            outside = np.maximum(around.min(axis=0) - other[y, x], other[y, x] - around.max(axis=0))
            worst[y, x] = max(0.0, float(outside.max()))
    return float(np.quantile(worst, 0.95))


@pytest.mark.parametrize("seed", range(4))
def test_the_range_around_a_cell_is_that_of_its_neighbours(seed):
    rng = np.random.default_rng(seed)
    one, other = (rng.normal(0, 40, (ROWS, COLUMNS, 3)).astype(np.float32) for _ in "ab")
    assert _outside(one, other) == pytest.approx(outside_by_hand(one, other), rel=1e-6)
    assert _outside(one, one) == 0.0
