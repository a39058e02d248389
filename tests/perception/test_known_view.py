"""A view that was read: it is known while the camera trembles, not when something in it changes."""

import cv2
import numpy as np
import pytest

from edge.perception.known_view import KnownView, change
from edge.perception.motion import MotionEstimator, shift_of, similarity, small_grey

SIZE = (960, 540)


def scene(seed=1):
    """Rectangles of all colours, as corners to follow, larger than what the camera sees of it."""
    rng = np.random.default_rng(seed)
    image = np.full((800, 1400, 3), 120, np.uint8)
    for _ in range(260):
        x, y = rng.integers(0, 1400), rng.integers(0, 800)
        width, height = rng.integers(10, 80, 2)
        cv2.rectangle(image, (int(x), int(y)), (int(x + width), int(y + height)), rng.integers(0, 255, 3).tolist(), -1)
    return image


def seen(image, x=0.0, y=0.0, *, turn=0.0, scale=1.0):
    matrix = cv2.getRotationMatrix2D((700, 400), turn, scale)
    matrix[:, 2] += (x - 220, y - 130)
    return cv2.warpAffine(image, matrix, SIZE, flags=cv2.INTER_AREA)


def noisy(image, sigma=3.0, seed=0):
    return np.clip(image + np.random.default_rng(seed).normal(0, sigma, image.shape), 0, 255).astype(np.uint8)


def with_sign(image, x=480, y=270, width=90):
    """A white board with dark lettering."""
    image = image.copy()
    cv2.rectangle(image, (x, y), (x + width, y + width // 3), (245, 245, 245), -1)
    cv2.putText(image, "SALE", (x + 6, y + width // 4), cv2.FONT_HERSHEY_SIMPLEX, width / 95, (20, 20, 20), 2)
    return image


@pytest.fixture
def known():
    view = KnownView()
    view.keep(seen(scene()))
    return view


def test_nothing_is_known_at_first():
    view = KnownView()
    assert not view.shows(seen(scene()))
    view.keep(seen(scene()))
    view.forget()
    assert not view.shows(seen(scene()))


@pytest.mark.parametrize(
    "moved", [{}, {"x": 3}, {"x": -11.4, "y": 7.7}, {"x": 25}, {"turn": 1.5}, {"scale": 1.02}, {"scale": 0.98, "x": 6}]
)
def test_the_same_place_is_known_when_the_camera_trembles(known, moved):
    assert known.shows(seen(scene(), **moved))
    assert known.shows(noisy(seen(scene(), **moved)))


def test_exposure_is_no_news(known):
    assert known.shows(cv2.convertScaleAbs(seen(scene(), x=5), alpha=1.0, beta=12))


@pytest.mark.parametrize("moved", [{"x": 80}, {"y": -60}, {"scale": 1.2}, {"turn": 8}])
def test_a_camera_that_went_on_shows_something_new(known, moved):
    assert not known.shows(seen(scene(), **moved))


def test_another_place_is_new(known):
    assert not known.shows(seen(scene(seed=2)))
    assert not known.shows(np.zeros((540, 960, 3), np.uint8))


def test_small_steps_from_what_was_kept_add_up(known):
    told = [known.shows(seen(scene(), x=step)) for step in range(0, 90, 6)]
    assert told[0]
    assert not told[-1], "every step is small, and the last picture is far from the one that was read"


@pytest.mark.parametrize("moved", [{}, {"x": 4.3, "y": -2.6}, {"turn": 0.7}])
@pytest.mark.parametrize("width", [60, 90, 200])
def test_a_sign_that_is_put_up_or_taken_away_is_seen(moved, width):
    bare, signed = seen(scene()), with_sign(seen(scene()), width=width)
    for before, after in ((bare, with_sign(seen(scene(), **moved), width=width)), (signed, seen(scene(), **moved))):
        view = KnownView()
        view.keep(before)
        assert not view.shows(after)


def test_what_would_end_the_stillness_of_a_picture_is_news_for_a_known_view_too():
    """Sensitivity: the smallest square that `MotionEstimator` sees appear in a plain picture is seen here."""
    plain = np.full((540, 960, 3), 120, np.uint8)
    for side in range(8, 80, 2):
        changed = plain.copy()
        changed[200 : 200 + side, 300 : 300 + side] = 220
        estimator, view = MotionEstimator(), KnownView()
        estimator.update(plain)
        view.keep(plain)
        assert view.shows(changed) == estimator.update(changed).still


def test_a_picture_of_another_size_is_new(known):
    assert not known.shows(cv2.resize(seen(scene()), (640, 480)))


def test_places_that_only_one_of_two_pictures_shows_do_not_count():
    before, now = (small_grey(seen(scene(), x=x))[0] for x in (0, 24))
    matrix = similarity(before, now)
    assert shift_of(matrix, now.shape) == pytest.approx(24 / 960, rel=0.05)
    assert change(before, now) > 0.05
    assert change(before, now, matrix) < 0.001
