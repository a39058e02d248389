"""A made-up scene under a moving camera: what is still, what moved, what is another view."""

import cv2
import numpy as np
import pytest

from edge.perception.motion import IDENTITY, MotionEstimator
from edge.perception.quads import moved


def scene(seed=1, size=(540, 960)):
    """Rectangles of all colours, as corners to follow."""
    rng = np.random.default_rng(seed)
    image = np.full((*size, 3), 120, np.uint8)
    for _ in range(120):
        x, y = rng.integers(0, size[1]), rng.integers(0, size[0])
        width, height = rng.integers(10, 80, 2)
        cv2.rectangle(image, (int(x), int(y)), (int(x + width), int(y + height)), rng.integers(0, 255, 3).tolist(), -1)
    return image


def camera(image, x=0.0, y=0.0, *, turn=0.0, scale=1.0):
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, scale)
    matrix[:, 2] += (x, y)
    return cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT), matrix


def noisy(image, sigma, seed):
    grain = np.random.default_rng(seed).normal(0, sigma, image.shape)
    return np.clip(image + grain, 0, 255).astype(np.uint8)


@pytest.fixture
def started():
    estimator = MotionEstimator()
    image = scene()
    assert estimator.update(image).cut, "the first picture is another view"
    return estimator, image


@pytest.mark.parametrize("sigma", [0.0, 3.0, 8.0])
def test_noise_is_stillness(started, sigma):
    estimator, image = started
    for seed in range(5):
        motion = estimator.update(noisy(image, sigma, seed))
        assert motion.still
        assert motion.matrix == IDENTITY
        assert motion.shift == 0


def test_the_noise_of_compression_is_stillness(started):
    estimator, image = started
    for quality in (60, 75, 90):
        again = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
        assert estimator.update(again).still


def test_exposure_is_no_motion(started):
    estimator, image = started
    brighter = np.clip(image.astype(int) + 20, 0, 255).astype(np.uint8)
    motion = estimator.update(brighter)
    assert not motion.cut
    assert np.abs(np.subtract(motion.matrix, IDENTITY)).max() < 0.5


@pytest.mark.parametrize(
    ("x", "y", "turn", "scale"), [(40, 0, 0, 1), (-25, 15, 0, 1), (0, 0, 5, 1), (0, 0, 0, 1.08), (60, -30, -3, 0.95)]
)
def test_the_camera_is_followed(started, x, y, turn, scale):
    estimator, image = started
    picture, matrix = camera(image, x, y, turn=turn, scale=scale)
    motion = estimator.update(picture)
    assert not motion.still
    assert not motion.cut
    box = ((300.0, 200.0), (600.0, 200.0), (600.0, 300.0), (300.0, 300.0))
    expected = moved(box, tuple(tuple(row) for row in matrix.tolist()))
    assert np.abs(np.subtract(moved(box, motion.matrix), expected)).max() < 3
    assert motion.shift > 0.01


def test_motions_add_up_from_frame_to_frame(started):
    estimator, image = started
    box = ((400.0, 200.0), (500.0, 200.0), (500.0, 260.0), (400.0, 260.0))
    for step in range(1, 9):
        motion = estimator.update(camera(image, 12 * step, 5 * step)[0])
        box = moved(box, motion.matrix)
    assert box[0] == pytest.approx((400 + 96, 200 + 40), abs=3)


def test_slow_drift_is_noticed_in_the_end(started):
    estimator, image = started
    states = [estimator.update(camera(image, 0.3 * step)[0]).still for step in range(1, 30)]
    assert not all(states)


def test_another_view_is_a_cut(started):
    estimator, _ = started
    motion = estimator.update(scene(seed=2))
    assert motion.cut
    assert motion.change > 0.1
    assert estimator.update(scene(seed=2)).still


def test_a_small_change_in_a_still_picture_is_no_stillness(started):
    estimator, image = started
    changed = image.copy()
    changed[200:260, 300:420] = (255, 255, 255)
    motion = estimator.update(changed)
    assert not motion.still
    assert not motion.cut
    assert np.abs(np.subtract(motion.matrix, IDENTITY)).max() < 0.5


def test_a_sign_on_a_bare_wall_is_followed():
    estimator = MotionEstimator()
    wall = np.full((540, 960, 3), 200, np.uint8)
    cv2.rectangle(wall, (400, 200), (560, 300), (40, 40, 160), -1)
    estimator.update(wall)
    motion = estimator.update(camera(wall, 16, 8)[0])
    assert not motion.cut
    assert (motion.matrix[0][2], motion.matrix[1][2]) == pytest.approx((16, 8), abs=3)


def test_black_and_tiny_pictures_are_no_trouble():
    estimator = MotionEstimator()
    black = np.zeros((480, 640, 3), np.uint8)
    estimator.update(black)
    assert estimator.update(black).still
    assert not estimator.update(np.full_like(black, 255)).shift
    for shape in ((1, 1, 3), (20, 2000, 3), (2000, 20, 3)):
        estimator.update(np.zeros(shape, np.uint8))


def test_a_picture_of_another_size_is_another_view(started):
    estimator, image = started
    assert estimator.update(image[:270, :480].copy()).cut


def test_after_a_reset_everything_is_new(started):
    estimator, image = started
    estimator.reset()
    assert estimator.update(image).cut
