"""The detector over a tiny graph that finds coloured rectangles, and its decoding over made-up outputs."""

import numpy as np
import pytest
from detector_files import BLUE, GREEN, LABELS, RED, graph, picture, write_detector
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import InferenceError, ModelCorruptError, ModelNotFoundError
from edge.inference.sessions import SessionFactory
from edge.perception.descriptions import DetectorDescription, Preprocessing
from edge.perception.object_detection import ObjectDetector, decode, overlap, without_repeats
from edge.results import DetectedObject

CUP = (RED, (20, 30, 80, 90))
DOG = (GREEN, (100, 10, 150, 60))


def load(folder, **options):
    return ObjectDetector.load(write_detector(folder, **options), SessionFactory(), "finder")


def assert_near(box, wanted, tolerance=4.0):
    """A detector of 48 pixels tells places within 2 of 48 of the picture."""
    assert np.abs(np.subtract(box, wanted)).max() <= tolerance, (box, wanted)


class TestDetect:
    @pytest.mark.parametrize("nothing", [False, True])
    def test_names_and_boxes_in_pixels_of_the_picture_the_surest_first(self, tmp_path, nothing):
        found = load(tmp_path, nothing=nothing).detect(picture([CUP, DOG]))
        assert [one.label for one in found] == ["cup", "dog"]
        assert [one.name for one in found] == ["cup", "dog"]
        assert_near(found[0].box, CUP[1])
        assert_near(found[1].box, DOG[1])
        assert 1 >= found[0].score >= found[1].score >= 0.5

    @pytest.mark.parametrize("size", [(60, 80), (240, 320), (480, 200)])
    def test_boxes_scale_with_the_picture(self, tmp_path, size):
        height, width = size
        box = (width // 4, height // 4, width // 2, height * 3 // 4)
        (one,) = load(tmp_path).detect(picture([(BLUE, box)], size=size))
        assert one.label == "book"
        assert_near(one.box, box, tolerance=max(size) / 48 * 2)

    def test_nothing_in_an_empty_picture(self, tmp_path):
        assert load(tmp_path).detect(picture()) == []

    def test_the_threshold_of_the_model_or_that_of_the_caller(self, tmp_path):
        detector, small = load(tmp_path, threshold=0.9), picture([(GREEN, (100, 10, 130, 40))])
        assert detector.detect(small) == []
        assert [one.label for one in detector.detect(small, threshold=0.5)] == ["dog"]
        assert detector.detect(small, threshold=0.8) == []
        assert [one.label for one in detector.detect(picture([CUP]))] == ["cup"]

    def test_a_label_that_is_no_class_is_not_told(self, tmp_path):
        found = load(tmp_path, labels=["", "dog", "book"]).detect(picture([CUP, DOG]))
        assert [one.label for one in found] == ["dog"]

    def test_a_mask_for_models_that_want_one(self, tmp_path):
        asked = []

        class Session:
            def run(self, names, feed):
                asked.append(feed)
                return [np.full((1, 2, 4), -9, np.float32), np.zeros((1, 2, 4), np.float32)]

        description = DetectorDescription(
            graphs={"model": "model.onnx"},
            labels=LABELS,
            preprocessing=Preprocessing(fit="bound", shortest=32, longest=64),
            masked=True,
            activation="softmax",
        )
        ObjectDetector(Session(), description).detect(picture(size=(100, 150)))
        assert asked[0]["pixel_values"].shape == (1, 3, 32, 48)
        assert asked[0]["pixel_mask"].shape == (1, 32, 48)
        assert asked[0]["pixel_mask"].dtype == np.int64
        assert asked[0]["pixel_mask"].all()

    def test_what_is_no_picture(self, tmp_path):
        with pytest.raises(ValueError, match="uint8"):
            load(tmp_path).detect(np.zeros((4, 4), np.uint8))

    def test_warm_up(self, tmp_path):
        load(tmp_path).warm_up()


class TestLoading:
    def test_no_model_there(self, tmp_path):
        with pytest.raises(ModelNotFoundError, match="finder"):
            ObjectDetector.load(tmp_path, SessionFactory(), "finder")

    @pytest.mark.parametrize(
        ("model", "why"),
        [
            (graph(inputs=("pixel_values", "pixel_mask")), "it has pixel_mask"),
            (graph(outputs=("logits",)), "it lacks pred_boxes"),
            (graph(nothing=True), "4 columns instead of 3"),
            (graph(side=64), r"\[64, 64\] instead of \[48, 48\] pixels"),
        ],
    )
    def test_another_graph_than_described(self, tmp_path, model, why):
        with pytest.raises(ModelCorruptError, match=why):
            load(tmp_path, model=model)

    @pytest.mark.parametrize(
        "changes", [{"family": "classifier"}, {"labels": [1]}, {"graphs": {"image": "model.onnx"}}, {"extra": 1}]
    )
    def test_another_description(self, tmp_path, changes):
        with pytest.raises(ModelCorruptError, match=r"model\.json"):
            load(tmp_path, **changes)

    def test_a_graph_that_is_none(self, tmp_path):
        write_detector(tmp_path)
        (tmp_path / "model.onnx").write_bytes(b"no graph")
        with pytest.raises(InferenceError, match="edge doctor"):
            ObjectDetector.load(tmp_path, SessionFactory(), "finder")


def description(activation="sigmoid", labels=LABELS):
    return DetectorDescription(
        graphs={"model": "model.onnx"},
        labels=labels,
        preprocessing=Preprocessing(fit="squash", height=8, width=8),
        activation=activation,
    )


class TestDecode:
    def test_centre_and_size_become_corners_within_the_picture(self):
        boxes = np.array([[0.5, 0.5, 0.5, 0.25], [0.0, 1.0, 0.5, 0.5]], np.float32)
        logits = np.array([[9, 0, 0], [0, 8, 0]], np.float32)
        found = decode(logits, boxes, description(), (200, 100), 0.9)
        assert [one.box for one in found] == [(50, 37.5, 150, 62.5), (0, 75, 50, 100)]

    def test_sigmoid_and_softmax(self):
        boxes = np.full((1, 4), 0.5, np.float32)
        (one,) = decode(np.array([[1.0, 0, 0]], np.float32), boxes, description(), (10, 10), 0.5)
        assert one.score == pytest.approx(1 / (1 + np.exp(-1)))
        logits = np.array([[1.0, 0, 0, 0.5]], np.float32)
        (one,) = decode(logits, boxes, description("softmax"), (10, 10), 0.1)
        assert one.score == pytest.approx(np.e / (np.e + 2 + np.exp(0.5)))

    def test_nothing_is_no_class(self):
        logits = np.array([[0, 0, 0, 9.0]], np.float32)
        assert decode(logits, np.full((1, 4), 0.5, np.float32), description("softmax"), (10, 10), 0.01) == []

    def test_huge_logits_overflow_nothing(self):
        logits = np.array([[1e9, -1e9, 0]], np.float32)
        with np.errstate(all="raise"):
            (one,) = decode(logits, np.full((1, 4), 0.5, np.float32), description(), (10, 10), 0.5)
        assert one.score == pytest.approx(1)

    def test_a_box_without_area_or_of_no_number_is_nothing(self):
        boxes = np.array([[1.5, 0.5, 0.2, 0.2], [0.5, 0.5, 0, 0.1], [np.nan] * 4], np.float32)
        assert decode(np.full((3, 3), 5, np.float32), boxes, description(), (10, 10), 0.5) == []

    def test_scores_of_no_number_are_nothing(self):
        logits = np.full((1, 3), np.nan, np.float32)
        assert decode(logits, np.full((1, 4), 0.5, np.float32), description(), (10, 10), 0.5) == []

    @given(st.integers(0, 1000))
    def test_always_sorted_and_inside(self, seed):
        rng = np.random.default_rng(seed)
        logits, boxes = rng.normal(0, 4, (20, 3)).astype(np.float32), rng.uniform(0, 1, (20, 4)).astype(np.float32)
        found = decode(logits, boxes, description(), (64, 48), 0.3)
        assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
        for one in found:
            left, top, right, bottom = one.box
            assert 0 <= left < right <= 64
            assert 0 <= top < bottom <= 48


def thing(label, box, score=0.9):
    return DetectedObject(label, label, score, box)


class TestRepeats:
    def test_the_same_thing_told_twice_is_told_once(self):
        first, again = thing("cup", (0, 0, 100, 100)), thing("cup", (2, 3, 99, 104), 0.8)
        assert without_repeats([first, again]) == [first]

    def test_another_thing_in_the_same_place_stays(self):
        first, other = thing("cup", (0, 0, 100, 100)), thing("dog", (0, 0, 100, 100), 0.8)
        assert without_repeats([first, other]) == [first, other]

    def test_two_cups_beside_each_other_stay(self):
        first, other = thing("cup", (0, 0, 100, 100)), thing("cup", (60, 0, 160, 100), 0.8)
        assert without_repeats([first, other]) == [first, other]

    def test_overlap(self):
        assert overlap((0, 0, 10, 10), (0, 0, 10, 10)) == 1
        assert overlap((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(1 / 3)
        assert overlap((0, 0, 10, 10), (10, 0, 20, 10)) == 0
        assert overlap((0, 0, 10, 10), (20, 20, 30, 30)) == 0
