"""Black, frozen and torn pictures of live cameras."""

import cv2
import numpy as np
import pytest

from edge.media import NS_PER_S, VideoFrame
from edge.settings import CameraSettings
from edge.sources.camera_health import BLACK, FROZEN, TORN, CameraHealth, Verdict, filled_rows

FPS = 10
FINE = Verdict()


def _sensor(seed=0, light=1.0, size=(72, 128), noise=2.0):
    """A scene with detail and the noise of a sensor."""
    y, x = np.mgrid[: size[0], : size[1]]
    scene = 90 + 60 * np.sin(x / 9.0) * np.cos(y / 7.0)
    pixels = np.repeat(scene[:, :, None], 3, axis=2) * light
    pixels += np.random.default_rng(seed).normal(0, noise, pixels.shape)
    return np.clip(pixels, 0, 255).astype(np.uint8)


class _Watched:
    """A camera of ten frames a second under examination."""

    def __init__(self, **options):
        self.health = CameraHealth(CameraSettings(), **options)
        self.frame = 0

    def see(self, image):
        self.frame += 1
        return self.health.examine(VideoFrame(image, self.frame * NS_PER_S // FPS, self.frame))

    def watch(self, seconds, image):
        """Verdicts of `seconds` of frames; `image` makes each from its number."""
        return [self.see(image(self.frame)) for _ in range(round(seconds * FPS))]


def test_a_working_camera_is_fine_for_ever():
    watched = _Watched()
    assert set(watched.watch(30, _sensor)) == {FINE}
    assert watched.health.torn == 0


@pytest.mark.parametrize("dark", [lambda seed: _sensor(seed, 0.0), lambda _: np.zeros((72, 128, 3), np.uint8)])
def test_black_pictures_are_told_after_two_seconds_and_stay_usable(dark):
    watched = _Watched()
    watched.watch(1, _sensor)
    verdicts = watched.watch(10, dark)
    assert [v.trouble for v in verdicts[:20]] == [None] * 20
    assert {v.trouble for v in verdicts[20:]} == {BLACK}
    assert all(v.usable for v in verdicts)
    assert watched.see(_sensor(99)) == FINE


def test_a_noisy_covered_sensor_with_hot_pixels_is_black():
    def covered(seed):
        image = _sensor(seed, 0.0, noise=6.0)
        image[5, 7] = image[60, 100] = 255
        return image

    assert _Watched().watch(3, covered)[-1].trouble == BLACK


def test_a_moment_of_darkness_is_none():
    watched = _Watched()
    for _ in range(5):
        assert set(watched.watch(1.9, lambda seed: _sensor(seed, 0.0))) == {FINE}
        assert watched.see(_sensor(watched.frame)) == FINE


def test_a_dark_room_with_a_lamp_is_not_black():
    def room(seed):
        image = _sensor(seed, 0.05)
        image[10:30, 40:70] = 200 + seed % 3
        return image

    assert set(_Watched().watch(10, room)) == {FINE}


def test_a_dim_scene_is_not_black():
    assert set(_Watched().watch(10, lambda seed: _sensor(seed, 0.3))) == {FINE}


def test_a_frozen_picture_is_told_after_five_seconds():
    watched = _Watched()
    watched.watch(1, _sensor)
    verdicts = watched.watch(8, lambda _: _sensor(1))
    assert [v.trouble for v in verdicts[:50]] == [None] * 50
    assert {v.trouble for v in verdicts[51:]} == {FROZEN}
    assert all(v.usable for v in verdicts)
    assert watched.see(_sensor(99)) == FINE


def test_a_quiet_scene_is_not_frozen():
    assert set(_Watched().watch(12, lambda seed: _sensor(seed, noise=0.5))) == {FINE}


def test_white_is_not_frozen():
    assert set(_Watched().watch(12, lambda _: np.full((72, 128, 3), 255, np.uint8))) == {FINE}


def test_codecs_that_send_changes_only_get_more_time():
    watched = _Watched(frozen_s=20)
    verdicts = watched.watch(25, lambda _: _sensor(1))
    assert [v.trouble for v in verdicts[:200]] == [None] * 200
    assert verdicts[-1].trouble == FROZEN


def _torn(seed, rows, size=(72, 128), colour=(128, 128, 128)):
    image = _sensor(seed, size=size)
    image[-rows:] = colour
    return image


def test_torn_pictures_are_skipped_and_counted():
    watched = _Watched()
    watched.watch(1, _sensor)
    for _ in range(20):
        assert watched.see(_torn(watched.frame, 30)) == Verdict(usable=False)
        assert watched.see(_sensor(watched.frame)) == FINE
    assert watched.health.torn == 20


def test_only_torn_pictures_are_told():
    watched = _Watched()
    watched.watch(1, _sensor)
    verdicts = watched.watch(4, lambda number: _torn(number, 10 + number % 40))
    assert not any(v.usable for v in verdicts)
    assert verdicts[0].trouble is None
    assert verdicts[-1].trouble == TORN
    assert watched.see(_sensor(99)) == FINE


def test_a_grey_floor_that_stays_is_a_scene():
    watched = _Watched()
    watched.watch(1, _sensor)
    verdicts = watched.watch(3, lambda number: _torn(number, 30))
    assert [v.usable for v in verdicts] == [False] * 10 + [True] * 20
    assert set(watched.watch(2, _sensor)) == {FINE}


def test_pictures_that_had_a_band_from_the_beginning():
    watched = _Watched()
    assert set(watched.watch(3, lambda number: _torn(number, 12))) == {FINE}
    assert not watched.see(_torn(0, 40)).usable


def test_another_size_for_a_moment_is_skipped_and_for_long_is_accepted():
    watched = _Watched()
    watched.watch(1, _sensor)
    assert not watched.see(_sensor(size=(36, 64))).usable
    assert watched.see(_sensor(1)) == FINE
    verdicts = watched.watch(3, lambda seed: _sensor(seed, size=(36, 64)))
    assert [v.usable for v in verdicts] == [False] * 10 + [True] * 20
    assert {v.trouble for v in verdicts} == {None}


def test_damage_does_not_end_another_trouble():
    watched = _Watched()
    watched.watch(3, lambda seed: _sensor(seed, 0.0))
    watched.health._shape = (1, 1, 3)
    assert watched.see(_sensor(0, 0.0)) == Verdict(usable=False, trouble=BLACK)


def test_opened_again_everything_begins_anew():
    watched = _Watched()
    watched.watch(4, lambda _: np.zeros((72, 128, 3), np.uint8))
    watched.health.reset()
    assert watched.see(np.zeros((36, 64, 3), np.uint8)) == FINE


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (47, 47), (3, 9_000)])
def test_any_size_can_be_examined(size):
    watched = _Watched()
    assert set(watched.watch(1, lambda seed: _sensor(seed, size=size))) == {FINE}


# --- what a JPEG decoder makes of half the data


def _half_jpeg(image, share):
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()
    return cv2.imdecode(np.frombuffer(data[: int(len(data) * share)] + b"\xff\xd9", np.uint8), cv2.IMREAD_COLOR)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
def test_a_jpeg_that_was_cut_off_in_transit(share, capfd):
    torn = _half_jpeg(_sensor(3, size=(360, 640)), share)
    assert abs(filled_rows(torn) / 360 - (1 - share)) < 0.12
    watched = _Watched()
    watched.watch(1, lambda seed: _sensor(seed, size=(360, 640)))
    assert not watched.see(torn).usable
    capfd.readouterr()  # libjpeg's complaint


@pytest.mark.parametrize(
    "image",
    [
        _sensor(),
        np.zeros((72, 128, 3), np.uint8),  # black, white and grey all over: nothing ends anywhere
        np.full((72, 128, 3), 255, np.uint8),
        np.full((72, 128, 3), 128, np.uint8),
        _torn(0, 20, colour=(0, 0, 0)),  # letter box
        _torn(0, 20, colour=(255, 255, 255)),  # overexposed
    ],
)
def test_nothing_was_filled_in(image):
    assert filled_rows(image) == 0


def test_a_smooth_floor_has_no_edge():
    ramp = np.repeat(np.linspace(106, 100, 72)[:, None, None], 128, axis=1).repeat(3, axis=2).astype(np.uint8)
    ramp[-20:] = ramp[-20]
    assert filled_rows(ramp) == 0


@pytest.mark.parametrize("colour", [(128, 128, 128), (0, 135, 0)])
def test_bands_of_both_decoders(colour):
    assert filled_rows(_torn(0, 20, colour=colour)) == 20
