"""Pictures as brought models want them: sizes, cuts, colours. tests/scripts hold the results against transformers'."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow
from pydantic import ValidationError

from edge.perception.descriptions import Preprocessing
from edge.perception.preprocessing import prepare, resized_size

SQUARE = Preprocessing(fit="squash", height=4, width=6)
RAW = {"scale": 1.0}
sides = st.integers(1, 300)


def gradient(height, width):
    """Blue counts rows, green columns, red both."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows % 256, columns % 256, (rows + columns) % 256], axis=-1).astype(np.uint8)


class TestSizes:
    @pytest.mark.parametrize(
        ("size", "wanted"),
        [((480, 640), (36, 48)), ((640, 480), (48, 36)), ((100, 100), (36, 36)), ((3, 1000), (36, 12000))],
    )
    def test_cover_brings_the_shortest_side_to_its_length(self, size, wanted):
        assert resized_size(size, Preprocessing(fit="cover", height=32, width=32, shortest=36)) == wanted

    @pytest.mark.parametrize(
        ("size", "wanted"),
        [
            ((480, 640), (800, 1066)),
            ((1200, 400), (1333, 444)),  # the longest side rules, the other is rounded down from 444.3
            ((800, 900), (800, 900)),
            ((640, 480), (1066, 800)),
        ],
    )
    def test_bound_is_the_rule_of_detr(self, size, wanted):
        assert resized_size(size, Preprocessing(fit="bound", shortest=800, longest=1333)) == wanted

    @given(sides, sides)
    def test_bound_keeps_its_bounds_and_never_vanishes(self, height, width):
        found = resized_size((height, width), Preprocessing(fit="bound", shortest=64, longest=96))
        assert 1 <= min(found) <= 64
        assert max(found) <= 96 or found == (height, width), "DETR leaves a picture whose shortest side fits as it is"

    @given(sides, sides)
    def test_multiples(self, height, width):
        rule = Preprocessing(fit="bound", shortest=64, longest=96, multiple=16)
        assert all(side % 16 == 0 and side >= 16 for side in resized_size((height, width), rule))

    def test_squash_goes_to_the_larger_size_first_when_there_is_one(self):
        rule = Preprocessing(fit="squash", height=224, width=224, squashed=(256, 250))
        assert resized_size((480, 640), rule) == (256, 250)
        assert resized_size((480, 640), SQUARE) == (4, 6)


class TestPixels:
    @given(sides, sides, st.sampled_from(["squash", "cover"]))
    def test_always_the_size_of_the_network(self, height, width, fit):
        rule = Preprocessing(fit=fit, height=12, width=20, shortest=16)
        batch = prepare(gradient(height, width), rule)
        assert batch.shape == (1, 3, 12, 20)
        assert batch.dtype == np.float32
        assert batch.flags.c_contiguous

    @pytest.mark.parametrize(("channels", "order"), [("rgb", (2, 1, 0)), ("bgr", (0, 1, 2))])
    def test_colours_in_the_order_of_the_network(self, channels, order):
        image = gradient(4, 6)
        batch = prepare(image, SQUARE.model_copy(update={"channels": channels, "scale": 1.0}))
        assert np.array_equal(batch[0], image[:, :, order].transpose(2, 0, 1))

    def test_mean_and_deviation_count_after_scaling_in_that_order(self):
        rule = Preprocessing(fit="squash", height=1, width=1, mean=(0.0, 0.5, 1.0), std=(1.0, 0.5, 2.0))
        batch = prepare(np.array([[[0, 51, 255]]], np.uint8), rule)
        assert batch.ravel() == pytest.approx([1.0, (0.2 - 0.5) / 0.5, (0.0 - 1.0) / 2.0])

    def test_the_middle_is_cut_out_of_the_covering_picture(self):
        image = gradient(10, 16)
        batch = prepare(image, Preprocessing(fit="cover", height=4, width=4, shortest=10, channels="bgr", **RAW))
        assert np.array_equal(batch[0].transpose(1, 2, 0), image[3:7, 6:10])

    def test_what_is_too_small_to_cut_gets_a_black_rim(self):
        image = np.full((4, 4, 3), 9, np.uint8)
        batch = prepare(image, Preprocessing(fit="squash", squashed=(4, 4), height=7, width=4, **RAW))
        assert [row.max() for row in batch[0, 0]] == [0, 0, 9, 9, 9, 9, 0]

    @pytest.mark.parametrize("resample", ["nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"])
    def test_the_filters_are_pillows(self, resample):
        image = gradient(53, 71)
        batch = prepare(image, SQUARE.model_copy(update={"resample": resample, "channels": "bgr", "scale": 1.0}))
        wanted = Pillow.fromarray(image).resize((6, 4), Pillow.Resampling[resample.upper()])
        assert np.array_equal(batch[0].transpose(1, 2, 0), np.asarray(wanted))

    def test_the_picture_itself_is_not_changed(self):
        image = gradient(4, 6)
        before = image.copy()
        prepare(image, SQUARE)
        image.flags.writeable = False
        prepare(image[::-1], SQUARE)
        assert np.array_equal(image, before)

    @pytest.mark.parametrize(
        "image",
        [
            np.zeros((4, 4), np.uint8),
            np.zeros((4, 4, 4), np.uint8),
            np.zeros((4, 4, 3), np.float32),
            np.zeros((0, 4, 3), np.uint8),
        ],
    )
    def test_what_is_no_picture(self, image):
        with pytest.raises(ValueError, match=r"a picture is uint8 \[h, w, 3\], not"):
            prepare(image, SQUARE)


@pytest.mark.parametrize(
    ("fields", "lacks"),
    [
        ({"fit": "squash", "height": 4}, "width"),
        ({"fit": "cover", "height": 4, "width": 4}, "shortest"),
        ({"fit": "bound", "longest": 9}, "shortest"),
        ({"fit": "squash", "height": 0, "width": 4}, "height"),
    ],
)
def test_a_rule_that_lacks_a_size_is_refused_when_it_is_read(fields, lacks):
    with pytest.raises(ValidationError, match=f"needs {lacks}"):
        Preprocessing(**fields)
